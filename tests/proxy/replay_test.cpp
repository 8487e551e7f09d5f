#include "proxy/replay.h"

#include <gtest/gtest.h>

#include <vector>

namespace holdfast {
namespace {

// The kinds of request that the table tells apart.
struct Row {
  const char* what;
  ReplayFacts facts;
  bool get;   // with an idempotent request
  bool post;  // with any other
};

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

void expect_rows(Replay replay, const std::vector<Row>& rows) {
  for (const ErrorCode code : codes_with(replay)) {
    for (const Row& row : rows) {
      SCOPED_TRACE(std::string(error_row(code).name) + ", " + row.what);
      ReplayFacts facts = row.facts;
      facts.idempotent = true;
      EXPECT_EQ(may_replay(code, facts), row.get);
      facts.idempotent = false;
      EXPECT_EQ(may_replay(code, facts), row.post);
    }
  }
}

TEST(Replaying, KnowsWhichFailuresLeaveARequestUnexecuted) {
  using enum ErrorCode;
  EXPECT_EQ(codes_with(Replay::always),
            (std::vector{connect_refused, connect_timeout, connect_failed, out_of_ports,
                         out_of_descriptors, local_failure}));
  EXPECT_EQ(codes_with(Replay::if_idempotent),
            (std::vector{upstream_closed, upstream_write_failed}));
}

TEST(Replaying, TriesAnotherServerWhenAConnectionWasNotMade) {
  expect_rows(
      Replay::always,
      {
          {"another server is left", {.untried_server = true}, true, true},
          {"replayed before", {.replayed = true, .untried_server = true}, true, true},
          {"all servers tried", {}, false, false},
          {"an answer had begun", {.answer_begun = true, .untried_server = true}, false, false},
      });
}

TEST(Replaying, RepeatsWhatBrokeOnceAndOnlyWhereItIsHarmless) {
  expect_rows(
      Replay::if_idempotent,
      {
          {"fresh, nothing taken", {}, true, true},
          {"reused, nothing taken", {.reused = true}, true, true},
          {"reused, sent", {.reused = true, .anything_sent = true}, true, false},
          {"fresh, sent", {.anything_sent = true}, false, false},
          {"fresh, nothing taken, second time", {.replayed = true}, false, false},
          {"reused, nothing taken, second time", {.reused = true, .replayed = true}, false, false},
          {"reused, sent, second time",
           {.reused = true, .anything_sent = true, .replayed = true},
           false,
           false},
          {"an answer had begun",
           {.reused = true, .answer_begun = true, .anything_sent = true},
           false,
           false},
          {"another server changes nothing",
           {.anything_sent = true, .untried_server = true},
           false,
           false},
      });
}

TEST(Replaying, NeverRepeatsAfterAnyOtherFailure) {
  for (unsigned bits = 0; bits < 32; ++bits) {
    const ReplayFacts facts{.reused = (bits & 1) != 0,
                            .answer_begun = (bits & 2) != 0,
                            .anything_sent = (bits & 4) != 0,
                            .replayed = (bits & 8) != 0,
                            .untried_server = (bits & 16) != 0};
    expect_rows(Replay::never, {{"anything", facts, false, false}});
  }
}

TEST(Replaying, NeverRepeatsOnceAByteOfAnAnswerHasCome) {
  for (std::size_t i = 0; i < error_code_count; ++i) {
    EXPECT_FALSE(may_replay(
        static_cast<ErrorCode>(i),
        {.idempotent = true, .reused = true, .answer_begun = true, .untried_server = true}));
  }
}

}  // namespace
}  // namespace holdfast
