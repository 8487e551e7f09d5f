#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "base/time.h"

namespace holdfast {

// How many TIME_WAIT sockets we have left behind, without asking the kernel: what we made in the
// last minute, counted by the second. Linux keeps each for a fixed 60 s. Any thread may add and
// read; nobody waits.
class TimeWaitRing {
 public:
  static constexpr Duration lifetime = 60s;

  // One is made.
  void add(TimePoint now);

  // How many there are. The second that is just ending counts whole: rather one too many.
  [[nodiscard]] std::uint32_t count(TimePoint now) const { return made_since(now, lifetime); }

  // How many were made within `age`, at most a minute.
  [[nodiscard]] std::uint32_t made_since(TimePoint now, Duration age) const;

 private:
  static constexpr std::size_t buckets = 64;

  // The second in the upper half, the count of that second in the lower one, so that both change
  // together.
  std::array<std::atomic<std::uint64_t>, buckets> made_{};
};

}  // namespace holdfast
