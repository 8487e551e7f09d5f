#pragma once

#include <atomic>
#include <cstdint>

#include "base/check.h"

namespace holdfast {

// A limit that holds for the whole process, exactly: a permit is taken before a connection is
// opened and given back when it is closed, never per request. Shared by all workers.
class Permits {
 public:
  explicit Permits(std::uint32_t limit) : limit_(limit) {}

  [[nodiscard]] bool take() {
    std::uint32_t taken = taken_.load(std::memory_order_relaxed);
    while (taken < limit_) {
      if (taken_.compare_exchange_weak(taken, taken + 1, std::memory_order_acq_rel)) {
        return true;
      }
    }
    return false;
  }

  // Takes one whether there is one or not: for clients that the kernel has let in before the end.
  void take_beyond() { taken_.fetch_add(1, std::memory_order_acq_rel); }

  void give_back() {
    const std::uint32_t before = taken_.fetch_sub(1, std::memory_order_acq_rel);
    check(before > 0, "a permit is given back that was never taken");
  }

  [[nodiscard]] std::uint32_t taken() const { return taken_.load(std::memory_order_acquire); }
  [[nodiscard]] std::uint32_t limit() const { return limit_; }

 private:
  const std::uint32_t limit_;
  std::atomic<std::uint32_t> taken_{0};
};

}  // namespace holdfast
