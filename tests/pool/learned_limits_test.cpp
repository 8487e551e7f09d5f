#include "pool/learned_limits.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

namespace holdfast {
namespace {

class LearnedLimitsTest : public testing::Test {
 protected:
  // The backend ends a connection, long after the one before.
  void ends(Duration idle, int times = 1) {
    for (int i = 0; i < times; ++i) {
      now += 10s;
      limits.note_idle_end(idle, now);
    }
  }
  // It ends one in the same moment.
  void ends_too(Duration idle) { limits.note_idle_end(idle, now); }
  void survives(Duration idle, int times = 1) {
    for (int i = 0; i < times; ++i) {
      limits.note_idle_survived(idle);
    }
  }
  void ends_behind(std::uint64_t requests, int times = 1) {
    for (int i = 0; i < times; ++i) {
      now += 10s;
      limits.note_request_end(requests, 1ms, now);
    }
  }
  void ends_too_behind(std::uint64_t requests, Duration idle = 1ms) {
    limits.note_request_end(requests, idle, now);
  }

  TimePoint now{std::chrono::hours(1)};
  LearnedLimits limits;
};

TEST_F(LearnedLimitsTest, StartsBelowTheShortestCommonLimit) {
  EXPECT_EQ(limits.safe_idle(), 4s);
  EXPECT_GT(limits.patience(), 5s);
  EXPECT_FALSE(limits.idle_limit());
  EXPECT_EQ(limits.request_cap(), 0U);
}

TEST_F(LearnedLimitsTest, StaysBelowTheFirstEndThatItSees) {
  ends(2s);
  EXPECT_EQ(limits.idle_limit(), 2s);
  EXPECT_EQ(limits.safe_idle(), 1600ms);
  EXPECT_GT(limits.patience(), 2s);
}

TEST_F(LearnedLimitsTest, KeepsASecondFromALongLimit) {
  ends(75s);
  EXPECT_EQ(limits.safe_idle(), 60s);
  ends(30s, 8);
  EXPECT_EQ(limits.safe_idle(), 29s);
}

TEST_F(LearnedLimitsTest, GrowsAsConnectionsSurvive) {
  survives(8s);
  EXPECT_EQ(limits.safe_idle(), 7s);
  EXPECT_EQ(limits.patience(), 16s);
  survives(1h);
  EXPECT_EQ(limits.safe_idle(), 60s);
  EXPECT_EQ(limits.patience(), 120s);
}

TEST_F(LearnedLimitsTest, IgnoresARestart) {
  ends(5s, 3);
  ends(100ms * 31);  // the first that the restart ends
  for (const Duration idle : {Duration{300ms}, Duration{1s}, Duration{4s}, Duration{2s}}) {
    ends_too(idle);
  }
  EXPECT_EQ(limits.idle_limit(), 5s);
}

TEST_F(LearnedLimitsTest, TakesManyEndsAtOneAgeForTheLimit) {
  ends(5s);
  ends_too(5010ms);
  ends_too(4990ms);
  EXPECT_EQ(limits.idle_limit(), 4990ms);
}

TEST_F(LearnedLimitsTest, TakesOneEarlyEndAmongManyForAChance) {
  ends(5s, 7);
  ends(1s);
  EXPECT_EQ(limits.idle_limit(), 5s);
}

TEST_F(LearnedLimitsTest, FollowsALimitThatWasMadeShorter) {
  ends(75s, 8);
  ends(5s, 2);
  EXPECT_EQ(limits.idle_limit(), 5s);
}

TEST_F(LearnedLimitsTest, FollowsALimitThatWasMadeLonger) {
  ends(5s, 8);
  survives(limits.patience(), 2);
  EXPECT_EQ(limits.idle_limit(), 5s);  // it may have been two odd ones
  survives(limits.patience());
  EXPECT_FALSE(limits.idle_limit());
  EXPECT_GT(limits.safe_idle(), 5s);
  ends(75s);
  EXPECT_EQ(limits.safe_idle(), 60s);
}

TEST_F(LearnedLimitsTest, LearnsNothingFromSurvivingLessThanTheLimit) {
  ends(5s);
  survives(4s, 10);
  EXPECT_EQ(limits.idle_limit(), 5s);
}

TEST_F(LearnedLimitsTest, BelievesWhatIsAnnounced) {
  limits.note_announced({.idle_timeout = 5s, .more_requests = 99}, 1);
  EXPECT_EQ(limits.safe_idle(), 4s);
  EXPECT_EQ(limits.idle_limit(), 5s);
  EXPECT_EQ(limits.request_limit(), 100U);
  EXPECT_EQ(limits.request_cap(), 0U);  // it says so itself in its last answer
}

TEST_F(LearnedLimitsTest, BelievesAnEarlierEndMoreThanTheAnnouncement) {
  limits.note_announced({.idle_timeout = 60s}, 1);
  ends(5s);
  EXPECT_EQ(limits.idle_limit(), 5s);
}

TEST_F(LearnedLimitsTest, KeepsFurtherAwayWhereTheLoopIsLate) {
  ends(5s);
  limits.note_lag(2s);
  EXPECT_EQ(limits.safe_idle(), 3s);
  for (int i = 0; i < 50; ++i) {
    limits.note_lag(0s);
  }
  EXPECT_EQ(limits.safe_idle(), 4s);
}

TEST_F(LearnedLimitsTest, LearnsACapOfRequestsFromTwoSilentEnds) {
  ends_behind(100);
  EXPECT_EQ(limits.request_cap(), 0U);
  ends_behind(100);
  EXPECT_EQ(limits.request_cap(), 100U);
  EXPECT_EQ(limits.request_limit(), 100U);
}

TEST_F(LearnedLimitsTest, LearnsACapFromEndsInOneMoment) {
  ends_behind(100);
  ends_too_behind(100);
  EXPECT_EQ(limits.request_cap(), 100U);
}

TEST_F(LearnedLimitsTest, LearnsNoCapFromEndsAnywhere) {
  for (const std::uint64_t requests : {17U, 4U, 93U, 12U}) {
    ends_behind(requests);
  }
  EXPECT_EQ(limits.request_cap(), 0U);
}

TEST_F(LearnedLimitsTest, LearnsNoCapFromARestart) {
  ends_behind(17);
  for (const std::uint64_t requests : {4U, 1U, 1U, 1U}) {
    ends_too_behind(requests);
  }
  EXPECT_EQ(limits.request_cap(), 0U);
}

// All of them had carried one request, and had rested for a while.
TEST_F(LearnedLimitsTest, LearnsNoCapFromARestartThatMeetsYoungConnections) {
  ends_behind(1);
  now += 10s;
  for (const Duration idle : {30ms, 70ms, 20ms, 99ms}) {
    ends_too_behind(1, idle);
  }
  EXPECT_EQ(limits.request_cap(), 0U);
  ends_too_behind(1);
  EXPECT_EQ(limits.request_cap(), 1U);
}

TEST_F(LearnedLimitsTest, LearnsACapOfManyRequestsFromLateEnds) {
  ends_behind(100);
  ends_too_behind(100, 90ms);
  EXPECT_EQ(limits.request_cap(), 100U);
}

TEST_F(LearnedLimitsTest, LearnsNoCapThatAnotherConnectionHasOutlived) {
  ends_behind(3);
  limits.note_carried(4);
  ends_behind(3);
  EXPECT_EQ(limits.request_cap(), 0U);
  limits.note_carried(3);
  ends_behind(3);
  EXPECT_EQ(limits.request_cap(), 3U);
}

TEST_F(LearnedLimitsTest, FollowsACapThatWasMadeSmaller) {
  ends_behind(100, 2);
  ends_behind(50);
  EXPECT_EQ(limits.request_cap(), 100U);  // it may have been an error
  ends_behind(50);
  EXPECT_EQ(limits.request_cap(), 50U);
}

TEST_F(LearnedLimitsTest, DropsItsCapWhereAConnectionEndsBehindMore) {
  ends_behind(1, 2);
  ends_behind(40);
  EXPECT_EQ(limits.request_cap(), 0U);
}

// If it is wrong, three that are watched show it: those are to come soon.
TEST_F(LearnedLimitsTest, WatchesTheFirstConnectionsBeyondANewCapAndThenEverFewer) {
  ends_behind(100, 2);
  std::vector<int> watched;
  for (int i = 1; i <= 64; ++i) {
    if (limits.watches_beyond_cap()) {
      watched.push_back(i);
    }
  }
  EXPECT_THAT(watched, testing::ElementsAre(1, 3, 7, 15, 31, 47, 63));
}

TEST_F(LearnedLimitsTest, DropsItsCapOnceConnectionsOutliveIt) {
  ends_behind(100, 2);
  limits.note_cap_survived();
  limits.note_cap_survived();
  EXPECT_EQ(limits.request_cap(), 100U);
  limits.note_cap_survived();
  EXPECT_EQ(limits.request_cap(), 0U);
}

TEST_F(LearnedLimitsTest, TellsOfAnAnnouncedCapWithoutKeepingToIt) {
  limits.note_announced_end(100);
  limits.note_announced_end(100);
  EXPECT_EQ(limits.request_limit(), 100U);
  EXPECT_EQ(limits.request_cap(), 0U);
}

}  // namespace
}  // namespace holdfast
