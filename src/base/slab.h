#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <utility>
#include <vector>

#include "base/check.h"
#include "base/memory.h"

namespace holdfast {

// Names a slot across turns or threads: the generation tells a later tenant from the one meant.
struct SlotId {
  std::uint32_t index = 0;
  std::uint32_t generation = 0;
  friend bool operator==(const SlotId&, const SlotId&) = default;
};

// A pool of slots for objects of one type. Slots never move and are reused last in, first out, so
// the warm ones serve first. Grows by chunks and does not shrink: what a peak needed stays
// reserved. All objects must be released before the slab goes.
template <class T, std::size_t chunk_slots = 64>
class Slab {
 public:
  Slab() = default;
  Slab(const Slab&) = delete;
  Slab& operator=(const Slab&) = delete;
  ~Slab() { check(in_use_ == 0, "a slab is destroyed with objects in it"); }

  // Whether there is a free slot, or memory for more of them: then the next make() succeeds.
  [[nodiscard]] bool ready() { return free_ != nullptr || grow(); }

  // Constructs an object in a free slot. Who can do without asks ready() before.
  template <class... Arguments>
  [[nodiscard]] T& make(Arguments&&... arguments) {
    check(ready(), "there is memory for a slot");
    Slot* slot = free_;
    Slot* next = slot->next_free;
    T* made = new (slot->storage) T(std::forward<Arguments>(arguments)...);
    free_ = next;
    slot->live = true;
    ++in_use_;
    return *made;
  }

  // Destroys the object and frees its slot.
  void release(T& object) {
    Slot& slot = slot_of(object);
    check(slot.live, "a slot is released twice");
    object.~T();
    slot.live = false;
    ++slot.generation;
    slot.next_free = free_;
    free_ = &slot;
    --in_use_;
  }

  [[nodiscard]] SlotId id_of(const T& object) const {
    const Slot& slot = slot_of(object);
    return {slot.index, slot.generation};
  }

  // The object that `id` names, or null if it has gone.
  [[nodiscard]] T* find(SlotId id) {
    if (id.index / chunk_slots >= chunks_.size()) {
      return nullptr;
    }
    Slot& slot = chunks_[id.index / chunk_slots][id.index % chunk_slots];
    return slot.live && slot.generation == id.generation ? object_in(slot) : nullptr;
  }

  // Calls visit(object) for each live object. The visitor may release the object it is given.
  template <class Visitor>
  void for_each(Visitor&& visit) {
    for (const auto& chunk : chunks_) {
      for (std::size_t i = 0; i < chunk_slots; ++i) {
        if (chunk[i].live) {
          visit(*object_in(chunk[i]));
        }
      }
    }
  }

  [[nodiscard]] std::size_t in_use() const { return in_use_; }
  [[nodiscard]] std::size_t capacity() const { return chunks_.size() * chunk_slots; }
  // What one object costs in memory, bookkeeping included.
  [[nodiscard]] static constexpr std::size_t slot_bytes() { return sizeof(Slot); }

 private:
  struct Slot {
    alignas(T) std::byte storage[sizeof(T)];
    Slot* next_free = nullptr;
    std::uint32_t index = 0;
    std::uint32_t generation = 1;  // so that a default SlotId names nobody
    bool live = false;
  };

  static T* object_in(Slot& slot) { return std::launder(reinterpret_cast<T*>(slot.storage)); }
  // The storage is the slot's first member, so both have one address.
  static Slot& slot_of(const T& object) {
    return *reinterpret_cast<Slot*>(const_cast<T*>(&object));
  }

  bool grow() {
    const std::size_t first = capacity();
    if (!has_memory_for([this] { chunks_.push_back(std::make_unique<Slot[]>(chunk_slots)); })) {
      return false;
    }
    Slot* chunk = chunks_.back().get();
    for (std::size_t i = chunk_slots; i-- > 0;) {
      chunk[i].index = static_cast<std::uint32_t>(first + i);
      chunk[i].next_free = free_;
      free_ = &chunk[i];
    }
    return true;
  }

  std::vector<std::unique_ptr<Slot[]>> chunks_;
  Slot* free_ = nullptr;
  std::size_t in_use_ = 0;
};

}  // namespace holdfast
