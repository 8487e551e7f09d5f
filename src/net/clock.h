#pragma once

#include "base/time.h"

namespace holdfast {

// The clock of the loop for code that has no loop, such as a stop-watch around a whole run. Whoever
// runs on a loop is told the time as an argument instead.
[[nodiscard]] TimePoint monotonic_now();

// The wall clock, since 1970 in UTC: for what people read only, as it may be set at any time.
[[nodiscard]] Duration wall_now();

}  // namespace holdfast
