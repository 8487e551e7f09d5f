#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "base/check.h"

namespace holdfast {

class BlockPool;

// A borrowed piece of memory with the bytes that wait in it; returns itself to its pool. An empty
// handle holds nothing. Bytes are appended at the end and consumed from the front.
class Block {
 public:
  Block() = default;
  Block(Block&& other) noexcept { swap(other); }
  Block& operator=(Block&& other) noexcept {
    Block(std::move(other)).swap(*this);
    return *this;
  }
  Block(const Block&) = delete;
  Block& operator=(const Block&) = delete;
  ~Block() { release(); }

  [[nodiscard]] explicit operator bool() const { return memory_ != nullptr; }
  [[nodiscard]] std::string_view bytes() const { return {memory_ + begin_, end_ - begin_}; }
  [[nodiscard]] std::size_t size() const { return end_ - begin_; }
  [[nodiscard]] bool empty() const { return begin_ == end_; }
  // Room behind the bytes, as it is now.
  [[nodiscard]] std::span<char> room() { return {memory_ + end_, capacity_ - end_}; }
  [[nodiscard]] std::size_t capacity() const { return capacity_; }

  // Says that `count` bytes were written into room().
  void fill(std::size_t count) {
    check(count <= capacity_ - end_, "a block is filled beyond its room");
    end_ += static_cast<std::uint32_t>(count);
  }
  void append(std::string_view more) {
    check(more.size() <= capacity_ - end_, "a block is appended to beyond its room");
    if (!more.empty()) {
      std::memcpy(memory_ + end_, more.data(), more.size());
    }
    fill(more.size());
  }
  void consume(std::size_t count) {
    check(count <= size(), "more is consumed than is there");
    begin_ += static_cast<std::uint32_t>(count);
  }
  // Moves the bytes to the front, so that all free memory is room.
  void compact() {
    if (begin_ != 0) {
      std::memmove(memory_, memory_ + begin_, size());
      end_ -= begin_;
      begin_ = 0;
    }
  }

  // Gives the memory back; the handle is empty afterwards.
  void release() {
    if (memory_ != nullptr) {
      give_back();
    }
  }

 private:
  friend class BlockPool;
  void give_back();
  Block(BlockPool& pool, char* memory, std::uint32_t capacity)
      : pool_(&pool), memory_(memory), capacity_(capacity) {}
  void swap(Block& other) noexcept {
    std::swap(pool_, other.pool_);
    std::swap(memory_, other.memory_);
    std::swap(capacity_, other.capacity_);
    std::swap(begin_, other.begin_);
    std::swap(end_, other.end_);
  }

  BlockPool* pool_ = nullptr;
  char* memory_ = nullptr;
  std::uint32_t capacity_ = 0;
  std::uint32_t begin_ = 0;
  std::uint32_t end_ = 0;
};

// Lends blocks of a few sizes, so that what a connection holds is in proportion to what it
// received. Returned blocks are kept for the next borrower, up to a bound per size; what a peak
// needed beyond that goes back to the allocator. One thread only; must outlive its blocks.
class BlockPool {
 public:
  // The third takes one read of a stream behind a short head, the last behind one of the greatest
  // size.
  static constexpr std::array<std::uint32_t, 4> sizes{4 * 1024, 16 * 1024, 68 * 1024, 136 * 1024};
  static constexpr std::size_t largest = sizes.back();

  BlockPool();
  BlockPool(const BlockPool&) = delete;
  BlockPool& operator=(const BlockPool&) = delete;
  ~BlockPool();

  // A block with room for at least `bytes`, which is at most `largest`; an empty handle if there is
  // no memory for one.
  [[nodiscard]] Block borrow(std::size_t bytes);

  // Makes room for `more` bytes behind those of the block, moving them to a larger block if needed.
  // False, and nothing is changed, if no block is large enough or there is no memory for one. An
  // empty handle borrows one.
  [[nodiscard]] bool make_room(Block& block, std::size_t more);
  // Adds a block with room for at least `bytes` to the row. False if there is no memory for it.
  [[nodiscard]] bool extend(std::vector<Block>& row, std::size_t bytes);

  [[nodiscard]] std::size_t lent() const { return lent_; }
  [[nodiscard]] std::size_t lent_bytes() const { return lent_bytes_; }

 private:
  friend class Block;
  void take_back(char* memory, std::uint32_t capacity);

  // How many free blocks of each size are kept: 4 MiB of each.
  static constexpr std::size_t kept_bytes = 4 * 1024 * 1024;

  std::array<std::vector<std::unique_ptr<char[]>>, sizes.size()> free_;
  std::size_t lent_ = 0;
  std::size_t lent_bytes_ = 0;
};

}  // namespace holdfast
