#include "proxy/replay.h"

#include <gtest/gtest.h>

#include <vector>

namespace holdfast {
namespace {

using enum ReplayRule;

std::vector<ErrorCode> codes_with(Replay replay) {
  std::vector<ErrorCode> result;
  for (std::size_t i = 0; i < error_code_count; ++i) {
    const auto code = static_cast<ErrorCode>(i);
    if (error_row(code).replay == replay) {
      result.push_back(code);
    }
  }
  return result;
}

// RFC 9110 section 9.2.2, cell by cell.
TEST(TheReplayTable, SaysForEachFailureAndRequestWhetherItIsSentOnceMore) {
  const struct {
    FailurePoint point;
    ReplayRule safe;
    ReplayRule idempotent;
    ReplayRule other;
  } rows[] = {
      {FailurePoint::connect, elsewhere, elsewhere, elsewhere},
      {FailurePoint::probe, once, once, once},
      {FailurePoint::write, once, once, once},
      {FailurePoint::reused_end, budgeted, if_configured, never},
      {FailurePoint::fresh_end, never, never, never},
      {FailurePoint::answer_begun, never, never, never},
      {FailurePoint::other, never, never, never},
  };
  ASSERT_EQ(std::size(rows), failure_point_count);
  for (std::size_t i = 0; i < failure_point_count; ++i) {
    const auto point = static_cast<FailurePoint>(i);
    ASSERT_EQ(rows[i].point, point);
    EXPECT_EQ(replay_rule(point, RequestClass::safe), rows[i].safe) << i;
    EXPECT_EQ(replay_rule(point, RequestClass::idempotent), rows[i].idempotent) << i;
    EXPECT_EQ(replay_rule(point, RequestClass::other), rows[i].other) << i;
  }
}

TEST(TheReplayTable, HasARowForWhateverFails) {
  using enum ErrorCode;
  EXPECT_EQ(codes_with(Replay::always),
            (std::vector{connect_refused, connect_timeout, connect_failed, out_of_ports,
                         out_of_descriptors, local_failure, queue_full}));
  EXPECT_EQ(codes_with(Replay::if_idempotent),
            (std::vector{upstream_closed, upstream_write_failed}));
  const struct {
    ReplayFacts facts;
    FailurePoint unconnected;
    FailurePoint ended;
    FailurePoint rest;
  } rows[] = {
      {{}, FailurePoint::connect, FailurePoint::write, FailurePoint::other},
      {{.reused = true}, FailurePoint::connect, FailurePoint::write, FailurePoint::other},
      {{.anything_sent = true},
       FailurePoint::connect,
       FailurePoint::fresh_end,
       FailurePoint::other},
      {{.reused = true, .anything_sent = true},
       FailurePoint::connect,
       FailurePoint::reused_end,
       FailurePoint::other},
      {{.answer_begun = true},
       FailurePoint::answer_begun,
       FailurePoint::answer_begun,
       FailurePoint::answer_begun},
      {{.reused = true, .answer_begun = true, .anything_sent = true},
       FailurePoint::answer_begun,
       FailurePoint::answer_begun,
       FailurePoint::answer_begun},
  };
  for (const auto& row : rows) {
    for (const ErrorCode code : codes_with(Replay::always)) {
      EXPECT_EQ(failure_point(code, row.facts), row.unconnected) << error_row(code).name;
    }
    for (const ErrorCode code : codes_with(Replay::if_idempotent)) {
      EXPECT_EQ(failure_point(code, row.facts), row.ended) << error_row(code).name;
    }
    for (const ErrorCode code : codes_with(Replay::never)) {
      EXPECT_EQ(failure_point(code, row.facts), row.rest) << error_row(code).name;
    }
  }
}

TEST(TheReplayTable, HasAColumnForEachMethodAndBody) {
  using http1::Method;
  const struct {
    Method method;
    RequestClass without_body;
    RequestClass body_kept;
    RequestClass body_gone;
  } rows[] = {
      {Method::get, RequestClass::safe, RequestClass::other, RequestClass::other},
      {Method::head, RequestClass::safe, RequestClass::other, RequestClass::other},
      {Method::options, RequestClass::safe, RequestClass::other, RequestClass::other},
      {Method::put, RequestClass::idempotent, RequestClass::idempotent, RequestClass::other},
      {Method::delete_, RequestClass::idempotent, RequestClass::idempotent, RequestClass::other},
      {Method::post, RequestClass::other, RequestClass::other, RequestClass::other},
      {Method::patch, RequestClass::other, RequestClass::other, RequestClass::other},
      {Method::connect, RequestClass::other, RequestClass::other, RequestClass::other},
      {Method::trace, RequestClass::other, RequestClass::other, RequestClass::other},
      {Method::other, RequestClass::other, RequestClass::other, RequestClass::other},
  };
  for (const auto& row : rows) {
    EXPECT_EQ(request_class(row.method, BodyCopy::none_needed), row.without_body);
    EXPECT_EQ(request_class(row.method, BodyCopy::kept), row.body_kept);
    EXPECT_EQ(request_class(row.method, BodyCopy::gone), row.body_gone);
  }
}

class AReplayBudget : public testing::Test {
 protected:
  static void earn(ReplayBudget& budget, int requests) {
    for (int i = 0; i < requests; ++i) {
      budget.earn();
    }
  }
  // How many replays it grants at this time, up to a bound.
  static int granted(ReplayBudget& budget, TimePoint now) {
    int count = 0;
    while (count < 100'000 && budget.spend(now)) {
      ++count;
    }
    return count;
  }
  const TimePoint start = TimePoint(1h);
};

TEST_F(AReplayBudget, IsAPartOfTheRequestsAndAFewPerSecond) {
  ReplayBudget budget(10);
  earn(budget, 500);
  EXPECT_EQ(granted(budget, start), 50 + 10);
  EXPECT_EQ(granted(budget, start + 999ms), 0);
  earn(budget, 9);
  EXPECT_EQ(granted(budget, start + 999ms), 0);
  earn(budget, 1);
  EXPECT_EQ(granted(budget, start + 999ms), 1);
}

TEST_F(AReplayBudget, GrantsAFewReplaysASecondToAnUpstreamOfFewRequests) {
  ReplayBudget budget(10);
  EXPECT_EQ(granted(budget, start), 10);
  EXPECT_EQ(granted(budget, start + 1s), 10);
  EXPECT_EQ(granted(budget, start + 5s), 10);
}

TEST_F(AReplayBudget, RemembersNoMoreThanTheLastRequests) {
  ReplayBudget budget(10);
  earn(budget, 1'000'000);
  EXPECT_EQ(granted(budget, start), 1000 + 10);
}

TEST_F(AReplayBudget, OfNothingGrantsNothing) {
  ReplayBudget budget(0);
  earn(budget, 1'000'000);
  EXPECT_EQ(granted(budget, start), 0);
}

TEST_F(AReplayBudget, OfAllGrantsOneForEachRequest) {
  ReplayBudget budget(100);
  earn(budget, 77);
  EXPECT_EQ(granted(budget, start), 77 + 10);
}

}  // namespace
}  // namespace holdfast
