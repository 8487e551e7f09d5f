#include "net/clock.h"

#include <gtest/gtest.h>

namespace holdfast {
namespace {

TEST(Clock, NeverGoesBack) {
  const TimePoint earlier = monotonic_now();
  EXPECT_GE(monotonic_now(), earlier);
}

}  // namespace
}  // namespace holdfast
