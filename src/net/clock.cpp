#include "net/clock.h"

#include <time.h>

#include "base/check.h"

namespace holdfast {

TimePoint monotonic_now() {
  timespec now{};
  check(clock_gettime(CLOCK_MONOTONIC, &now) == 0, "the monotonic clock can be read");
  return TimePoint(std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec));
}

Duration wall_now() {
  timespec now{};
  check(clock_gettime(CLOCK_REALTIME, &now) == 0, "the wall clock can be read");
  return std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec);
}

}  // namespace holdfast
