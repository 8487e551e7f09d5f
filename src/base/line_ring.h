#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstring>
#include <memory>
#include <string_view>

#include "base/check.h"

namespace holdfast {

// Lines on their way from the thread that makes them to the one that writes them. A line that there
// is no room for is refused, so the maker never waits; what is in is taken in order and whole. Each
// side is one thread.
class LineRing {
 public:
  // The capacity is a power of two. Memory is touched only as it is used.
  explicit LineRing(std::size_t capacity)
      : mask_(capacity - 1), memory_(std::make_unique_for_overwrite<char[]>(capacity)) {
    check(std::has_single_bit(capacity), "the capacity of a ring is a power of two");
  }
  LineRing(const LineRing&) = delete;
  LineRing& operator=(const LineRing&) = delete;

  [[nodiscard]] std::size_t capacity() const { return mask_ + 1; }

  // --- The maker ---
  // False, and nothing is in, if there is no room for all of the line.
  [[nodiscard]] bool push(std::string_view line) {
    const std::size_t end = end_.load(std::memory_order_relaxed);
    if (line.size() > capacity() - (end - begin_seen_)) {
      begin_seen_ = begin_.load(std::memory_order_acquire);
      if (line.size() > capacity() - (end - begin_seen_)) {
        return false;
      }
    }
    const std::size_t at = end & mask_;
    const std::size_t first = std::min(line.size(), capacity() - at);
    std::memcpy(memory_.get() + at, line.data(), first);
    std::memcpy(memory_.get(), line.data() + first, line.size() - first);
    // In one order with the flag by which the writer says that it sleeps: either we see the flag,
    // or it sees the line.
    end_.store(end + line.size(), std::memory_order_seq_cst);
    return true;
  }

  // --- The writer ---
  // The bytes that wait, oldest first; the second part is what stands at the front of the memory.
  [[nodiscard]] std::array<std::string_view, 2> waiting() const {
    const std::size_t begin = begin_.load(std::memory_order_relaxed);
    const std::size_t bytes = end_.load(std::memory_order_seq_cst) - begin;
    const std::size_t at = begin & mask_;
    const std::size_t first = std::min(bytes, capacity() - at);
    return {std::string_view(memory_.get() + at, first),
            std::string_view(memory_.get(), bytes - first)};
  }
  [[nodiscard]] bool empty() const {
    return end_.load(std::memory_order_seq_cst) == begin_.load(std::memory_order_relaxed);
  }
  void consume(std::size_t bytes) {
    begin_.store(begin_.load(std::memory_order_relaxed) + bytes, std::memory_order_release);
  }

 private:
  static constexpr std::size_t cache_line = 64;

  const std::size_t mask_;
  const std::unique_ptr<char[]> memory_;
  // Both only ever grow. Apart from each other, as each is written by one side.
  alignas(cache_line) std::atomic<std::size_t> end_{0};
  std::size_t begin_seen_ = 0;  // the maker's: what it last saw of begin_
  alignas(cache_line) std::atomic<std::size_t> begin_{0};
};

}  // namespace holdfast
