#include "base/log_brake.h"

#include <gtest/gtest.h>

namespace holdfast {
namespace {

TEST(ALogBrake, LetsOneLinePassEachSecondAndCountsTheOthers) {
  LogBrake brake;
  const TimePoint start = TimePoint(1h);
  EXPECT_EQ(brake.pass(start), 0U);
  EXPECT_EQ(brake.pass(start), std::nullopt);
  EXPECT_EQ(brake.pass(start + 999ms), std::nullopt);
  EXPECT_EQ(brake.pass(start + 1s), 2U);
  EXPECT_EQ(brake.pass(start + 1s), std::nullopt);
  EXPECT_EQ(brake.pass(start + 1h), 1U);
  EXPECT_EQ(brake.pass(start + 2h), 0U);
}

}  // namespace
}  // namespace holdfast
