#include "proxy/health.h"

#include <gtest/gtest.h>

namespace holdfast {
namespace {

using Change = Health::Change;
using Sign = Health::Sign;

class AHealth : public testing::Test {
 protected:
  // No jitter but for this number: 0 makes each pause as short as it gets, a half.
  static constexpr std::uint64_t shortest = 0;
  static constexpr std::uint64_t longest = 999;

  Change refuse(Sign sign = Sign::none, std::uint64_t random = shortest) {
    return health.on_connect_failed(make_error(ErrorCode::connect_refused), sign, now, random);
  }
  Change say_nothing() {
    return health.on_silence(make_error(ErrorCode::upstream_closed), now, shortest);
  }
  void advance(Duration by) { now += by; }
  bool answer() {
    const bool back = health.on_answer();
    if (back) {
      health.come_back(now);
    }
    return back;
  }
  void connect_for_trial() {
    health.begin_trial();
    health.on_connected();
  }

  Health health;
  TimePoint now = TimePoint(1h);
};

TEST_F(AHealth, IsGoodAtFirst) {
  EXPECT_TRUE(health.serving());
  EXPECT_FALSE(health.last_error().has_value());
  EXPECT_FALSE(health.trial_due(now));
  EXPECT_FALSE(health.trial_ready());
}

TEST_F(AHealth, IsLostAtOnceIfNothingElseShowsLife) {
  EXPECT_EQ(refuse(), Change::set_aside);
  EXPECT_FALSE(health.serving());
  EXPECT_EQ(health.last_error()->code, ErrorCode::connect_refused);
  EXPECT_EQ(health.since(), now);
  EXPECT_EQ(health.failed_at(), now);
}

TEST_F(AHealth, SurvivesTwoFailedAttemptsBesideConnectionsThatLive) {
  EXPECT_EQ(refuse(Sign::of_life), Change::none);
  EXPECT_EQ(refuse(Sign::of_life), Change::none);
  EXPECT_TRUE(health.serving());
  EXPECT_EQ(refuse(Sign::of_life), Change::set_aside);
}

TEST_F(AHealth, CountsFailedAttemptsInARowOnly) {
  for (int i = 0; i < 10; ++i) {
    EXPECT_EQ(refuse(Sign::of_life), Change::none);
    EXPECT_EQ(refuse(Sign::of_life), Change::none);
    health.on_connected();
  }
  EXPECT_TRUE(health.serving());
}

TEST_F(AHealth, IsLostAfterFiveRequestsInARowWithoutAWord) {
  for (int i = 0; i < 4; ++i) {
    EXPECT_EQ(say_nothing(), Change::none);
  }
  EXPECT_FALSE(answer());
  for (int i = 0; i < 4; ++i) {
    EXPECT_EQ(say_nothing(), Change::none);
  }
  EXPECT_TRUE(health.serving());
  EXPECT_EQ(say_nothing(), Change::set_aside);
  EXPECT_EQ(health.last_error()->code, ErrorCode::upstream_closed);
}

TEST_F(AHealth, IsTriedAfterEachPauseWhichGrowsToItsLimit) {
  EXPECT_EQ(refuse(), Change::set_aside);
  for (const Duration pause : {500ms, 1000ms, 2000ms, 2000ms, 2000ms}) {
    EXPECT_EQ(health.pause(), pause);
    advance(pause - 1ms);
    EXPECT_FALSE(health.trial_due(now));
    advance(1ms);
    EXPECT_TRUE(health.trial_due(now));
    health.begin_trial();
    EXPECT_FALSE(health.trial_due(now));
    EXPECT_EQ(refuse(), Change::none);
  }
}

TEST_F(AHealth, PausesForHalfTheTimeAtLeastAndTheWholeAtMost) {
  EXPECT_EQ(refuse(Sign::none, longest), Change::set_aside);
  EXPECT_GT(health.pause(), 990ms);
  EXPECT_LE(health.pause(), 1s);
}

TEST_F(AHealth, PausesNoLongerForWhatWasUnderWay) {
  EXPECT_EQ(refuse(), Change::set_aside);
  for (int i = 0; i < 50; ++i) {
    advance(1ms);
    EXPECT_EQ(refuse(), Change::none);
  }
  EXPECT_EQ(health.pause(), 500ms);
  EXPECT_EQ(health.failed_at(), now);
  advance(450ms);
  EXPECT_TRUE(health.trial_due(now));
}

TEST_F(AHealth, LetsOneRequestThroughOnceATrialHasConnected) {
  EXPECT_EQ(refuse(), Change::set_aside);
  advance(500ms);
  health.begin_trial();
  EXPECT_FALSE(health.trial_ready());
  health.on_connected();
  EXPECT_TRUE(health.trial_ready());
  EXPECT_FALSE(health.serving());
  health.ask(now);
  EXPECT_FALSE(health.trial_ready());
  EXPECT_FALSE(health.trial_due(now));
  EXPECT_TRUE(answer());
  EXPECT_TRUE(health.serving());
  EXPECT_EQ(health.since(), now);
  EXPECT_TRUE(health.last_error().has_value());
}

TEST_F(AHealth, IsTriedAgainIfNothingIsHeardOfTheOneRequest) {
  EXPECT_EQ(refuse(), Change::set_aside);
  advance(500ms);
  connect_for_trial();
  health.ask(now);
  advance(1s - 1ms);
  EXPECT_FALSE(health.trial_due(now));
  advance(1ms);
  EXPECT_TRUE(health.trial_due(now));
}

TEST_F(AHealth, PausesForLongerIfTheOneRequestIsLost) {
  EXPECT_EQ(refuse(), Change::set_aside);
  advance(500ms);
  connect_for_trial();
  health.ask(now);
  EXPECT_EQ(say_nothing(), Change::none);
  EXPECT_EQ(health.pause(), 1s);
  EXPECT_FALSE(health.trial_due(now));
}

TEST_F(AHealth, IsNotRestoredByAnswersOverOldConnections) {
  for (int i = 0; i < 3; ++i) {
    static_cast<void>(refuse(Sign::of_life));
  }
  EXPECT_FALSE(health.serving());
  EXPECT_FALSE(answer());
  EXPECT_FALSE(health.serving());
}

TEST_F(AHealth, BeginsWithAShortPauseAgainOnceItWasBack) {
  EXPECT_EQ(refuse(), Change::set_aside);
  for (int i = 0; i < 3; ++i) {
    advance(5s);
    EXPECT_EQ(refuse(), Change::none);
  }
  advance(5s);
  connect_for_trial();
  EXPECT_TRUE(answer());
  EXPECT_EQ(refuse(), Change::set_aside);
  EXPECT_EQ(health.pause(), 500ms);
}

TEST_F(AHealth, MayTryAgainAtOnceAfterATrialThatSaidNothingOfTheServer) {
  EXPECT_EQ(refuse(), Change::set_aside);
  advance(500ms);
  health.begin_trial();
  health.drop_trial();
  EXPECT_TRUE(health.trial_due(now));
  EXPECT_EQ(health.pause(), 500ms);
}

}  // namespace
}  // namespace holdfast
