#include "ports/time_wait_ring.h"

namespace holdfast {
namespace {

std::uint64_t second_of(TimePoint time) {
  return static_cast<std::uint64_t>(
      std::chrono::floor<std::chrono::seconds>(time.time_since_epoch()).count());
}

constexpr unsigned count_bits = 32;

}  // namespace

void TimeWaitRing::add(TimePoint now) {
  const std::uint64_t second = second_of(now) & 0xffff'ffff;
  std::atomic<std::uint64_t>& bucket = made_[second % buckets];
  std::uint64_t before = bucket.load(std::memory_order_relaxed);
  std::uint64_t after = 0;
  while (after = before >> count_bits == second ? before + 1 : (second << count_bits) + 1,
         !bucket.compare_exchange_weak(before, after, std::memory_order_relaxed)) {
  }
}

std::uint32_t TimeWaitRing::made_since(TimePoint now, Duration age) const {
  const std::uint64_t last = second_of(now) & 0xffff'ffff;
  const auto seconds =
      static_cast<std::uint64_t>(std::chrono::ceil<std::chrono::seconds>(age).count());
  std::uint32_t sum = 0;
  for (const std::atomic<std::uint64_t>& bucket : made_) {
    const std::uint64_t value = bucket.load(std::memory_order_relaxed);
    const std::uint64_t second = value >> count_bits;
    // Another thread's clock may be a little ahead of the reader's.
    if (second + seconds >= last && second <= last + 1) {
      sum += static_cast<std::uint32_t>(value);
    }
  }
  return sum;
}

}  // namespace holdfast
