#include "pool/limits.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <vector>

namespace holdfast {
namespace {

constexpr TimePoint now{std::chrono::hours(5)};

constexpr PoolLimits no_limits{.max_connections = 1000,
                               .max_idle = 1000,
                               .max_requests = 0,
                               .idle_timeout = 0s,
                               .max_age = 0s};
constexpr PoolLimits all_limits{
    .max_connections = 8, .max_idle = 2, .max_requests = 100, .idle_timeout = 10s, .max_age = 1h};

constexpr ReturnFacts clean{.reusable = true};
constexpr ReturnFacts used_up{.reusable = false};
constexpr ReturnFacts faulty{.fault = Retirement::extra_bytes, .reusable = true};
constexpr ReturnFacts faulty_and_used_up{.fault = Retirement::broken, .reusable = false};

constexpr UseHistory young{.opened_at = now - 1s, .old_at = now + 1h, .requests = 1};
constexpr UseHistory old{.opened_at = now - 1h, .old_at = now, .requests = 1};
constexpr UseHistory spent{.opened_at = now - 1s, .old_at = now + 1h, .requests = 100};
constexpr UseHistory old_and_spent{.opened_at = now - 1h, .old_at = now, .requests = 100};

struct ReturnRow {
  const char* name;
  UseHistory use;
  ReturnFacts facts;
  std::size_t idle;
  PoolLimits limits;
  Retirement verdict;
};

class JudgeReturn : public testing::TestWithParam<ReturnRow> {};

TEST_P(JudgeReturn, SaysWhyNot) {
  const ReturnRow& row = GetParam();
  EXPECT_EQ(retirement_name(judge_return(row.use, row.facts, row.idle, row.limits, now)),
            retirement_name(row.verdict));
}

INSTANTIATE_TEST_SUITE_P(
    Table, JudgeReturn,
    testing::Values(
        ReturnRow{"KeepsASoundOne", young, clean, 0, all_limits, Retirement::none},
        ReturnRow{"KeepsItBelowTheIdleCap", young, clean, 1, all_limits, Retirement::none},
        ReturnRow{"RetiresItAtTheIdleCap", young, clean, 2, all_limits, Retirement::max_idle},
        ReturnRow{"RetiresItAboveTheIdleCap", young, clean, 9, all_limits, Retirement::max_idle},
        ReturnRow{"RetiresAfterTheLastRequest", spent, clean, 0, all_limits,
                  Retirement::max_requests},
        ReturnRow{"RetiresAnOldOne", old, clean, 0, all_limits, Retirement::max_age},
        ReturnRow{"RetiresWhatTheBackendCloses", young, used_up, 0, all_limits,
                  Retirement::closed_by_backend},
        ReturnRow{"RetiresForAFault", young, faulty, 0, all_limits, Retirement::extra_bytes},
        ReturnRow{"BlamesTheFaultBeforeTheBackend", young, faulty_and_used_up, 0, all_limits,
                  Retirement::broken},
        ReturnRow{"BlamesTheFaultBeforeOurLimits", old_and_spent, faulty, 9, all_limits,
                  Retirement::extra_bytes},
        ReturnRow{"BlamesTheBackendBeforeOurLimits", old_and_spent, used_up, 9, all_limits,
                  Retirement::closed_by_backend},
        ReturnRow{"BlamesRequestsBeforeAge", old_and_spent, clean, 9, all_limits,
                  Retirement::max_requests},
        ReturnRow{"BlamesAgeBeforeTheIdleCap", old, clean, 9, all_limits, Retirement::max_age},
        ReturnRow{"KnowsNoRequestLimitOfZero", spent, clean, 0, no_limits, Retirement::none},
        ReturnRow{"RetiresAllIfNoneMayBeIdle", young, clean, 0, PoolLimits{.max_idle = 0},
                  Retirement::max_idle},
        ReturnRow{"RetiresAfterItsOnlyRequest", young, clean, 0, PoolLimits{.max_requests = 1},
                  Retirement::max_requests}),
    [](const auto& row) { return row.param.name; });

struct IdleRow {
  const char* name;
  Duration idle_for;
  Duration until_old;
  PoolLimits limits;
  Retirement verdict;
  Duration deadline_in;
};

class JudgeIdle : public testing::TestWithParam<IdleRow> {
 protected:
  const UseHistory use{.idle_since = now - GetParam().idle_for,
                       .old_at = now + GetParam().until_old};
};

TEST_P(JudgeIdle, SaysWhyNot) {
  EXPECT_EQ(retirement_name(judge_idle(use, GetParam().limits, now)),
            retirement_name(GetParam().verdict));
}

TEST_P(JudgeIdle, IsAskedAgainAtTheDeadline) {
  EXPECT_EQ((idle_deadline(use, GetParam().limits) - now) / 1ns, GetParam().deadline_in / 1ns);
}

TEST_P(JudgeIdle, RetiresAtTheDeadlineAndNotBefore) {
  const PoolLimits& limits = GetParam().limits;
  const TimePoint deadline = idle_deadline(use, limits);
  EXPECT_EQ(judge_idle(use, limits, deadline - 1ns), Retirement::none);
  EXPECT_NE(judge_idle(use, limits, deadline), Retirement::none);
}

INSTANTIATE_TEST_SUITE_P(
    Table, JudgeIdle,
    testing::Values(
        IdleRow{"KeepsAFreshOne", 0s, 1h, all_limits, Retirement::none, 10s},
        IdleRow{"KeepsItUntilTheLastMoment", 10s - 1ns, 1h, all_limits, Retirement::none, 1ns},
        IdleRow{"RetiresAtTheTimeout", 10s, 1h, all_limits, Retirement::idle_timeout, 0s},
        IdleRow{"RetiresAfterTheTimeout", 15s, 1h, all_limits, Retirement::idle_timeout, -5s},
        IdleRow{"RetiresAnOldOne", 1s, 0s, all_limits, Retirement::max_age, 0s},
        IdleRow{"GetsOldBeforeTheTimeout", 1s, 2s, all_limits, Retirement::none, 2s},
        IdleRow{"BlamesAgeBeforeTheTimeout", 15s, 0s, all_limits, Retirement::max_age, -5s},
        IdleRow{"KnowsNoTimeoutOfZero", 1h, 2s, no_limits, Retirement::none, 2s}),
    [](const auto& row) { return row.param.name; });

TEST(IdleDeadline, NeverComesWithoutLimits) {
  const UseHistory use{.idle_since = now};
  EXPECT_EQ(idle_deadline(use, no_limits), TimePoint::max());
  EXPECT_EQ(judge_idle(use, no_limits, now + std::chrono::hours(100'000)), Retirement::none);
}

class JitteredAge : public testing::Test {
 protected:
  static Duration age(std::uint64_t random) {
    return jittered_age(now, PoolLimits{.max_age = 1000s}, random) - now;
  }
};

TEST_F(JitteredAge, StaysWithinATenthOfTheMaximum) {
  std::vector<std::uint64_t> numbers{0, 1, 1000, 2000, 2001, UINT64_MAX, UINT64_MAX - 1};
  for (std::uint64_t i = 1; i < 5000; ++i) {
    numbers.push_back(i * 0x9e3779b97f4a7c15U);
  }
  for (const std::uint64_t number : numbers) {
    EXPECT_GE(age(number), 900s) << number;
    EXPECT_LE(age(number), 1100s) << number;
  }
}

TEST_F(JitteredAge, ReachesBothEndsAndTheMiddle) {
  EXPECT_EQ(age(0), 900s);
  EXPECT_EQ(age(1000), 1000s);
  EXPECT_EQ(age(2000), 1100s);
}

TEST_F(JitteredAge, NeverComesWithoutALimit) {
  EXPECT_EQ(jittered_age(now, no_limits, 12345), TimePoint::max());
}

TEST_F(JitteredAge, HoldsForAVeryShortLimit) {
  EXPECT_GE(jittered_age(now, PoolLimits{.max_age = 1ms}, 0), now + 900us);
}

}  // namespace
}  // namespace holdfast
