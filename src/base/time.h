#pragma once

#include <chrono>
#include <cstdint>

namespace holdfast {

using Duration = std::chrono::nanoseconds;

// The monotonic clock of the loop (net/loop is its only reader). It is never compared with the wall
// clock, so a step of that one moves nothing but log stamps.
struct LoopClock {
  using duration = Duration;
  using rep = duration::rep;
  using period = duration::period;
  using time_point = std::chrono::time_point<LoopClock>;
  static constexpr bool is_steady = true;
};

using TimePoint = LoopClock::time_point;

// Tells the time of a loop: the real one, or a test's.
class Clock {
 public:
  [[nodiscard]] virtual TimePoint now() const = 0;
  // The same for what is measured: not in whole milliseconds. Read when it is first asked for in a
  // turn of the loop.
  [[nodiscard]] virtual TimePoint fine_now() const = 0;
  // How many times the loop has asked the kernel for events.
  [[nodiscard]] virtual std::uint64_t turn() const = 0;

 protected:
  ~Clock() = default;
};

using namespace std::chrono_literals;

}  // namespace holdfast
