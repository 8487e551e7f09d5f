#include "ports/port_ledger.h"

#include <gtest/gtest.h>

#include <thread>

namespace holdfast {
namespace {

class APortLedger : public testing::Test {
 protected:
  APortLedger() { ledger.set_limit(100); }

  void open(std::uint32_t count, std::size_t source = 0) {
    for (; count > 0; --count) {
      ledger.opened(source);
    }
  }
  void close(std::uint32_t count, PortAfter after, std::size_t source = 0) {
    for (; count > 0; --count) {
      ledger.closed(source, after, now);
    }
  }
  void spend(std::uint32_t count, std::size_t source = 0) {
    open(count, source);
    close(count, PortAfter::in_time_wait, source);
  }

  TimePoint now{1000s};
  PortLedger ledger{2};
};

TEST_F(APortLedger, CountsALiveConnection) {
  open(3);
  EXPECT_EQ(ledger.use(0, now).live, 3U);
  EXPECT_EQ(ledger.use(0, now).left(), 97U);
  EXPECT_EQ(ledger.use(1, now).left(), 100U);
}

TEST_F(APortLedger, KeepsAPortThatWeClosedFirstForAMinute) {
  open(3);
  close(2, PortAfter::in_time_wait);
  EXPECT_EQ(ledger.use(0, now).live, 1U);
  EXPECT_EQ(ledger.use(0, now).time_wait, 2U);
  now += 61s;
  EXPECT_EQ(ledger.use(0, now).used(), 1U);
}

TEST_F(APortLedger, HasAPortBackAtOnceThatTheBackendClosedFirst) {
  open(3);
  close(3, PortAfter::is_free);
  EXPECT_EQ(ledger.use(0, now).used(), 0U);
}

TEST_F(APortLedger, TakesWhatTheKernelSeesBeyondOursForOthers) {
  open(3);
  close(1, PortAfter::in_time_wait);
  ledger.set_seen(0, 10, now);
  EXPECT_EQ(ledger.use(0, now).others, 7U);
  EXPECT_EQ(ledger.use(0, now).used(), 10U);
}

TEST_F(APortLedger, ForgetsTimeWaitsThatTheKernelHasGivenUp) {
  open(3);
  close(2, PortAfter::in_time_wait);
  ledger.set_seen(0, 1, now);
  EXPECT_EQ(ledger.use(0, now).others, 0U);
  EXPECT_EQ(ledger.use(0, now).time_wait, 0U);
  EXPECT_EQ(ledger.use(0, now).used(), 1U);
  now += 61s;
  EXPECT_EQ(ledger.use(0, now).used(), 1U);
}

TEST_F(APortLedger, CountsNoOldTimeWaitWhereTheKernelGivesItsPortOutAgain) {
  spend(60, 0);
  spend(60, 1);
  EXPECT_EQ(ledger.budget(now), PortBudget::scarce);
  ledger.set_reuse(true);
  EXPECT_EQ(ledger.budget(now), PortBudget::scarce);
  now += 2s;
  EXPECT_EQ(ledger.use(0, now).time_wait, 60U);
  EXPECT_EQ(ledger.budget(now), PortBudget::ample);
}

TEST_F(APortLedger, IsScarceAboveHalf) {
  EXPECT_EQ(judge({.limit = 1000, .live = 500}), PortBudget::ample);
  EXPECT_EQ(judge({.limit = 1000, .live = 400, .time_wait = 100, .others = 1}), PortBudget::scarce);
}

TEST_F(APortLedger, IsSpentWhenFewAreLeft) {
  EXPECT_EQ(judge({.limit = 1000, .time_wait = 979}), PortBudget::scarce);
  EXPECT_EQ(judge({.limit = 1000, .time_wait = 980}), PortBudget::spent);
  EXPECT_EQ(judge({.limit = 200, .time_wait = 191}), PortBudget::scarce);
  EXPECT_EQ(judge({.limit = 200, .time_wait = 192}), PortBudget::spent);
  EXPECT_EQ(judge({.limit = 200, .others = 5000}), PortBudget::spent);
}

TEST_F(APortLedger, LeavesATinyRangeRoomToWork) {
  EXPECT_EQ(judge({.limit = 4, .live = 1}), PortBudget::ample);
  EXPECT_EQ(judge({.limit = 4, .live = 3}), PortBudget::spent);
}

TEST_F(APortLedger, JudgesNothingWithoutALimit) {
  EXPECT_EQ(judge({.limit = 0, .live = 1'000'000}), PortBudget::ample);
}

TEST_F(APortLedger, HasTheBudgetOfItsBestSource) {
  open(95, 0);
  EXPECT_EQ(ledger.budget(now), PortBudget::ample);
  open(60, 1);
  EXPECT_EQ(ledger.budget(now), PortBudget::scarce);
  spend(40, 1);
  EXPECT_EQ(ledger.budget(now), PortBudget::spent);
}

TEST_F(APortLedger, HasEnoughWithoutASourceToCount) {
  PortLedger none(0);
  EXPECT_EQ(none.budget(now), PortBudget::ample);
  EXPECT_EQ(none.least_used(now), std::nullopt);
}

TEST_F(APortLedger, PrefersTheSourceWithTheFewestPortsInUse) {
  open(2, 0);
  spend(1, 1);
  EXPECT_EQ(ledger.least_used(now), 1U);
  spend(2, 1);
  EXPECT_EQ(ledger.least_used(now), 0U);
}

TEST_F(APortLedger, PassesOverASourceThatTheKernelHadNoPortFor) {
  ledger.bar(0, now + 1s);
  EXPECT_EQ(ledger.least_used(now), 1U);
  ledger.bar(1, now + 1s);
  EXPECT_EQ(ledger.least_used(now), std::nullopt);
  now += 1s;
  EXPECT_EQ(ledger.least_used(now), 0U);
}

TEST_F(APortLedger, SeesNoEndWithoutTimeWaits) {
  open(50);
  EXPECT_EQ(ledger.time_left(now), std::nullopt);
}

TEST_F(APortLedger, SeesNoEndOfARateThatTheRangeCanBear) {
  for (int second = 0; second < 120; ++second, now += 1s) {
    spend(3);  // 180 in a minute, of 200
  }
  EXPECT_EQ(ledger.time_left(now), std::nullopt);
}

TEST_F(APortLedger, TellsWhenTheLastPortGoes) {
  for (int second = 0; second < 10; ++second, now += 1s) {
    spend(10);
  }
  // 100 of 200 are gone at ten a second.
  const auto left = ledger.time_left(now);
  ASSERT_TRUE(left);
  EXPECT_GE(*left, 9s);
  EXPECT_LE(*left, 11s);
}

TEST_F(APortLedger, CountsForManyThreads) {
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([this] { spend(2000); });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  EXPECT_EQ(ledger.use(0, now).time_wait, 8000U);
  EXPECT_EQ(ledger.use(0, now).live, 0U);
}

}  // namespace
}  // namespace holdfast
