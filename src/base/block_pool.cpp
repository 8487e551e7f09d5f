#include "base/block_pool.h"

#include <new>

#include "base/memory.h"

namespace holdfast {

void Block::give_back() {
  pool_->take_back(memory_, capacity_);
  pool_ = nullptr;
  memory_ = nullptr;
  capacity_ = begin_ = end_ = 0;
}

BlockPool::BlockPool() {
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    free_[i].reserve(kept_bytes / sizes[i]);
  }
}

BlockPool::~BlockPool() { check(lent_ == 0, "a block pool is destroyed while blocks are lent"); }

Block BlockPool::borrow(std::size_t bytes) {
  std::size_t size_class = 0;
  while (size_class < sizes.size() && sizes[size_class] < bytes) {
    ++size_class;
  }
  check(size_class < sizes.size(), "a larger block is asked for than there is");
  auto& kept = free_[size_class];
  std::unique_ptr<char[]> memory;
  if (kept.empty()) {
    memory.reset(new (std::nothrow) char[sizes[size_class]]);
    if (!memory) {
      return {};
    }
  } else {
    memory = std::move(kept.back());
    kept.pop_back();
  }
  ++lent_;
  lent_bytes_ += sizes[size_class];
  return {*this, memory.release(), sizes[size_class]};
}

bool BlockPool::make_room(Block& block, std::size_t more) {
  if (block && block.room().size() >= more) {
    return true;
  }
  const std::size_t wanted = block.size() + more;
  if (wanted > largest) {
    return false;
  }
  if (block && wanted <= block.capacity()) {
    block.compact();
    return true;
  }
  Block larger = borrow(wanted);
  if (!larger) {
    return false;
  }
  larger.append(block.bytes());
  block = std::move(larger);
  return true;
}

bool BlockPool::extend(std::vector<Block>& row, std::size_t bytes) {
  Block block = borrow(bytes);
  return block && has_memory_for([&] { row.push_back(std::move(block)); });
}

void BlockPool::take_back(char* memory, std::uint32_t capacity) {
  std::unique_ptr<char[]> owned(memory);
  std::size_t size_class = 0;
  while (sizes[size_class] != capacity) {
    ++size_class;
  }
  auto& kept = free_[size_class];
  if (kept.size() < kept_bytes / capacity) {
    kept.push_back(std::move(owned));
  }
  --lent_;
  lent_bytes_ -= capacity;
}

}  // namespace holdfast
