#include "base/error.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cerrno>
#include <set>
#include <string_view>
#include <vector>

namespace holdfast {
namespace {

std::vector<ErrorRow> all_rows() {
  std::vector<ErrorRow> rows;
  for (std::size_t i = 0; i < error_code_count; ++i) {
    rows.push_back(error_row(static_cast<ErrorCode>(i)));
  }
  return rows;
}

TEST(ErrorTable, HasTheRowOfEachCodeInItsPlace) {
  std::size_t place = 0;
  for (const ErrorRow& row : all_rows()) {
    EXPECT_EQ(static_cast<std::size_t>(row.code), place++) << row.name;
  }
}

TEST(ErrorTable, NamesEachFailureDifferently) {
  std::set<std::string_view> names;
  for (const ErrorRow& row : all_rows()) {
    EXPECT_TRUE(names.insert(row.name).second) << row.name;
  }
}

TEST(ErrorTable, NamesFailuresAsMetricLabels) {
  for (const ErrorRow& row : all_rows()) {
    EXPECT_FALSE(row.name.empty());
    EXPECT_TRUE(std::ranges::all_of(row.name, [](char c) {
      return c == '_' || (c >= 'a' && c <= 'z');
    })) << row.name;
  }
}

TEST(ErrorTable, ExplainsEachFailureInOneSentence) {
  for (const ErrorRow& row : all_rows()) {
    ASSERT_FALSE(row.text.empty()) << row.name;
    EXPECT_EQ(row.text.back(), '.') << row.name;
    EXPECT_EQ(row.text.find('\n'), std::string_view::npos) << row.name;
  }
}

TEST(ErrorTable, AnswersAClientsFaultWith4xxOr5xxAndAnotherFaultWith5xx) {
  for (const ErrorRow& row : all_rows()) {
    if (row.status == 0) {
      EXPECT_EQ(row.side, Side::client) << row.name << ": only a client that left has no answer";
    } else {
      EXPECT_GE(row.status, row.side == Side::client ? 400 : 500) << row.name;
      EXPECT_LE(row.status, 599) << row.name;
    }
  }
}

TEST(ErrorTable, NeverReplaysAClientsFault) {
  for (const ErrorRow& row : all_rows()) {
    if (row.side == Side::client) {
      EXPECT_EQ(row.replay, Replay::never) << row.name;
    }
  }
}

struct Verdict {
  ErrorCode code;
  Side side;
  int status;
  Replay replay;
};

class ErrorVerdict : public testing::TestWithParam<Verdict> {};

TEST_P(ErrorVerdict, FollowsFromTheCode) {
  const ErrorRow& row = error_row(GetParam().code);
  EXPECT_EQ(row.side, GetParam().side) << row.name;
  EXPECT_EQ(row.status, GetParam().status) << row.name;
  EXPECT_EQ(row.replay, GetParam().replay) << row.name;
}

// The rows whose change would lose or repeat somebody's request.
INSTANTIATE_TEST_SUITE_P(
    Rows, ErrorVerdict,
    testing::Values(Verdict{ErrorCode::malformed_request, Side::client, 400, Replay::never},
                    Verdict{ErrorCode::head_too_large, Side::client, 431, Replay::never},
                    Verdict{ErrorCode::body_too_large, Side::client, 413, Replay::never},
                    Verdict{ErrorCode::ambiguous_path, Side::client, 400, Replay::never},
                    Verdict{ErrorCode::no_route, Side::client, 404, Replay::never},
                    Verdict{ErrorCode::request_timeout, Side::client, 408, Replay::never},
                    Verdict{ErrorCode::client_left, Side::client, 0, Replay::never},
                    Verdict{ErrorCode::connect_refused, Side::upstream, 503, Replay::always},
                    Verdict{ErrorCode::connect_timeout, Side::upstream, 504, Replay::always},
                    Verdict{ErrorCode::out_of_ports, Side::local, 503, Replay::always},
                    Verdict{ErrorCode::out_of_descriptors, Side::local, 503, Replay::always},
                    Verdict{ErrorCode::queue_full, Side::upstream, 503, Replay::always},
                    Verdict{ErrorCode::upstream_closed, Side::upstream, 502, Replay::if_idempotent},
                    Verdict{ErrorCode::upstream_write_failed, Side::upstream, 502,
                            Replay::if_idempotent},
                    Verdict{ErrorCode::malformed_response, Side::upstream, 502, Replay::never},
                    Verdict{ErrorCode::response_incomplete, Side::upstream, 502, Replay::never},
                    Verdict{ErrorCode::response_timeout, Side::upstream, 504, Replay::never},
                    Verdict{ErrorCode::out_of_memory, Side::local, 503, Replay::never},
                    Verdict{ErrorCode::overloaded, Side::local, 503, Replay::never},
                    Verdict{ErrorCode::shutting_down, Side::local, 503, Replay::never}));

TEST(Error, IsBlamedOnTheSideOfItsRow) {
  EXPECT_EQ(make_error(ErrorCode::connect_refused).side, Side::upstream);
  EXPECT_EQ(make_error(ErrorCode::malformed_request).side, Side::client);
  EXPECT_EQ(make_error(ErrorCode::out_of_ports).side, Side::local);
}

TEST(Error, CarriesTheErrnoValue) {
  EXPECT_EQ(make_error(ErrorCode::connect_refused, ECONNREFUSED).system, ECONNREFUSED);
  EXPECT_EQ(make_error(ErrorCode::connect_refused).system, 0);
}

TEST(ErrorTable, DiesWhenAskedForACodeWithoutARow) {
  EXPECT_DEATH((void)error_row(static_cast<ErrorCode>(error_code_count)), "without a row");
}

}  // namespace
}  // namespace holdfast
