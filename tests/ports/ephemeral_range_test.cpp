#include "ports/ephemeral_range.h"

#include <gtest/gtest.h>

namespace holdfast {
namespace {

TEST(EphemeralRange, CountsBothEndsOfTheRange) {
  const auto range = EphemeralRange::parse("32768\t60999\n", "\n");
  ASSERT_TRUE(range);
  EXPECT_EQ(range->size(), 28232U);
  EXPECT_TRUE(range->contains(32768));
  EXPECT_TRUE(range->contains(60999));
  EXPECT_FALSE(range->contains(32767));
  EXPECT_FALSE(range->contains(61000));
}

TEST(EphemeralRange, LeavesReservedPortsOut) {
  const auto range = EphemeralRange::parse("1000 1009", "999-1001,1005,8080\n");
  ASSERT_TRUE(range);
  EXPECT_EQ(range->size(), 7U);
  EXPECT_FALSE(range->contains(1001));
  EXPECT_FALSE(range->contains(1005));
}

TEST(EphemeralRange, ReachesTheLastPort) {
  const auto range = EphemeralRange::parse("65534 65535", "65535");
  ASSERT_TRUE(range);
  EXPECT_EQ(range->size(), 1U);
}

TEST(EphemeralRange, CountsTheFreePortsBesideThoseHeld) {
  const auto range = EphemeralRange::parse("1000 1009", "1001");
  ASSERT_TRUE(range);
  PortSet held;
  held.set(1000).set(1001).set(80);
  EXPECT_EQ(range->free_beside(held), 8U);
}

TEST(EphemeralRange, RefusesWhatIsNoRange) {
  EXPECT_FALSE(EphemeralRange::parse("", ""));
  EXPECT_FALSE(EphemeralRange::parse("32768", ""));
  EXPECT_FALSE(EphemeralRange::parse("60999 32768", ""));
  EXPECT_FALSE(EphemeralRange::parse("32768 70000", ""));
  EXPECT_FALSE(EphemeralRange::parse("1000 1009", "x"));
  EXPECT_FALSE(EphemeralRange::parse("1000 1009", "1001-"));
  EXPECT_FALSE(EphemeralRange::parse("1000 1009", "1001;1002"));
}

TEST(EphemeralRange, ReadsTheRangeOfThisMachine) {
  const auto range = EphemeralRange::read();
  ASSERT_TRUE(range);
  EXPECT_GT(range->size(), 0U);
}

}  // namespace
}  // namespace holdfast
