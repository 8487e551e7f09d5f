#include "ports/time_wait_ring.h"

#include <gtest/gtest.h>

namespace holdfast {
namespace {

class ATimeWaitRing : public testing::Test {
 protected:
  void make(int count) {
    for (int i = 0; i < count; ++i) {
      ring.add(now);
    }
  }

  TimePoint now{1000s};
  TimeWaitRing ring;
};

TEST_F(ATimeWaitRing, BeginsEmpty) { EXPECT_EQ(ring.count(now), 0U); }

TEST_F(ATimeWaitRing, IsEmptyWhenTheClockBeginsAtZero) { EXPECT_EQ(ring.count(TimePoint{}), 0U); }

TEST_F(ATimeWaitRing, CountsWhatIsMade) {
  make(3);
  now += 5s;
  make(2);
  EXPECT_EQ(ring.count(now), 5U);
}

TEST_F(ATimeWaitRing, KeepsEachForAMinute) {
  make(3);
  now += 60s;
  EXPECT_EQ(ring.count(now), 3U);
  now += 1s;
  EXPECT_EQ(ring.count(now), 0U);
}

TEST_F(ATimeWaitRing, ForgetsWhatItsBucketHeldAMinuteAgo) {
  make(3);
  now += 64s;  // the same bucket
  make(1);
  EXPECT_EQ(ring.count(now), 1U);
}

TEST_F(ATimeWaitRing, TellsHowManyAreRecent) {
  make(3);
  now += 20s;
  make(2);
  EXPECT_EQ(ring.made_since(now, 10s), 2U);
}

TEST_F(ATimeWaitRing, BelievesAClockThatIsALittleAhead) {
  make(1);
  EXPECT_EQ(ring.count(now - 1s), 1U);
}

}  // namespace
}  // namespace holdfast
