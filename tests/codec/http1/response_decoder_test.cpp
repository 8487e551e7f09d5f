#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "codec/http1/decoder.h"
#include "codec/http1/hop_by_hop.h"
#include "codec/http1/transcript.h"

namespace holdfast::http1 {
namespace {

std::string ok_with(std::string_view lines) {
  return "HTTP/1.1 200 OK\r\n" + std::string(lines) + "\r\n";
}

// A complete answer: its last head, its body, and whether its connection may be used again.
void expect_answer(std::string_view bytes, std::string_view head, std::string_view body,
                   bool reusable, Method method = Method::get) {
  const Transcript seen = decode_answer(bytes, method);
  EXPECT_EQ(seen.outcome, "end") << bytes;
  ASSERT_FALSE(seen.heads.empty()) << bytes;
  EXPECT_EQ(seen.heads.back(), head) << bytes;
  EXPECT_EQ(seen.body, body) << bytes;
  EXPECT_EQ(seen.reusable, reusable) << bytes;
}

void expect_answers_refused(const std::vector<std::string>& rows,
                            const std::string& error = malformed_response) {
  for (const std::string& row : rows) {
    const Transcript seen = decode_answer(row);
    EXPECT_EQ(seen.outcome, error) << row;
    EXPECT_TRUE(seen.heads.empty()) << row;
    EXPECT_FALSE(seen.reusable) << row;
  }
}

TEST(ResponseDecoder, GivesAnAnswerAndTheConnectionBack) {
  expect_answer(ok_with("Content-Length: 2\r\n") + "hi", "200, length 2, keep", "hi", true);
  expect_answer(ok_with("Content-Length: 0\r\n"), "200, length 0, keep", "", true);
  expect_answer(ok_with("Transfer-Encoding: chunked\r\n") + "2\r\nhi\r\n1\r\n!\r\n0\r\n\r\n",
                "200, chunked, keep", "hi!", true);
}

TEST(ResponseDecoder, LeavesWhatFollowsAlone) {
  const Transcript seen = decode_answer(ok_with("Content-Length: 2\r\n") + "hiHTTP/1.1 200 OK\r\n");
  EXPECT_EQ(seen.body, "hi");
  EXPECT_EQ(seen.rest, 17U);
}

TEST(ResponseDecoder, TakesABodyUntilTheEndOfTheStream) {
  expect_answer(ok_with("") + "hello", "200, until close, keep", "hello", false);
  expect_answer(ok_with(""), "200, until close, keep", "", false);
  expect_answer("HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n\r\nhello",
                "200, 1.0, until close, keep", "hello", false);
}

TEST(ResponseDecoder, TakesStatusLinesThatAreUnusualButClear) {
  expect_answer("HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n", "200, length 0, keep", "", true);
  expect_answer("HTTP/1.1 200 \r\nContent-Length: 0\r\n\r\n", "200, length 0, keep", "", true);
  expect_answer("HTTP/1.1 999 ?\r\nContent-Length: 0\r\n\r\n", "999, length 0, keep", "", true);
  expect_answer("HTTP/1.1 404 \xe4  b\tc\r\nContent-Length: 0\r\n\r\n", "404, length 0, keep", "",
                true);
}

TEST(ResponseDecoder, RefusesStatusLinesThatAreNone) {
  const std::string rest = "\r\nContent-Length: 0\r\n\r\n";
  expect_answers_refused({
      "HTTP/1.1 2000 OK" + rest,
      "HTTP/1.1  OK" + rest,
      "HTTP/1.1 099 OK" + rest,
      "HTTP/1.1 20 OK" + rest,
      "HTTP/1.1 2x0 OK" + rest,
      "HTTP/1.1\t200 OK" + rest,
      "HTTP/1.1  200 OK" + rest,
      "HTTP/1.1 200\tOK" + rest,
      "http/1.1 200 OK" + rest,
      "HTTP/1.2 200 OK" + rest,
      "HTTP/2.0 200 OK" + rest,
      "HTTP/1.1 1 x" + rest,
      "HTTP/1 200 OK" + rest,
      "ICY 200 OK" + rest,
      "xHTTP/1.1 200 OK" + rest,
      "\r\nHTTP/1.1 200 OK" + rest,
      "<html>hello",
      "HTTP/1.1 200OK" + rest,
  });
}

TEST(ResponseDecoder, TakesAnUnderscoreForPartOfAName) {
  EXPECT_EQ(decode_answer(ok_with("X_Y: a\r\nContent_Length: 9\r\n")).outcome, "end");
}

TEST(ResponseDecoder, RefusesWhatARequestMayNotHaveEither) {
  expect_answers_refused({
      ok_with("X: a\r\n b\r\n"),
      ok_with("X: a\nY: b\r\n"),
      ok_with("X: a\rb\r\n"),
      ok_with(std::string("X: a\0b\r\n", 8)),
      ok_with("X : a\r\n"),
      ok_with(": a\r\n"),
      "HTTP/1.1 200 O\rK\r\nContent-Length: 0\r\n\r\n",
      "HTTP/1.1 200 OK\nContent-Length: 0\r\n\r\n",
      "HTTP/1.1 200 O\x01K\r\nContent-Length: 0\r\n\r\n",
      "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\rXhi",
  });
}

TEST(ResponseDecoder, RefusesFramingThatLeavesADoubt) {
  expect_answers_refused({
      ok_with("Content-Length: 5\r\nContent-Length: 5\r\n"),
      ok_with("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n"),
      ok_with("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n"),
      ok_with("Transfer-Encoding:\r\nContent-Length: 2\r\n"),
      ok_with("Transfer-Encoding: gzip\r\n"),
      ok_with("Transfer-Encoding: chunked, chunked\r\n"),
      ok_with("Transfer-Encoding: chunked\t\r\n"),
      ok_with("Content-Length: -1\r\n"),
      ok_with("Content-Length: 2\t\r\n"),
      ok_with("Connection: content-length\r\nContent-Length: 2\r\n"),
      "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
  });
}

TEST(ResponseDecoder, RefusesMoreConnectionOptionsThanItLooksAt) {
  std::string options = "Connection: close";
  for (std::size_t i = 1; i < max_connection_options; ++i) {
    options += ", x";
  }
  expect_answer(ok_with(options + "\r\nContent-Length: 0\r\n"), "200, length 0, close", "", false);
  expect_answers_refused({ok_with(options + ", x\r\nContent-Length: 0\r\n")});
}

TEST(ResponseDecoder, TakesNoBodyWhereNoneMayBe) {
  const std::string length = "Content-Length: 5\r\n\r\n";
  const std::string chunked = "Transfer-Encoding: chunked\r\n\r\n";
  expect_answer("HTTP/1.1 200 OK\r\n" + length, "200, no body, announces 5, keep", "", true,
                Method::head);
  expect_answer("HTTP/1.1 200 OK\r\n" + chunked, "200, no body, keep", "", true, Method::head);
  expect_answer("HTTP/1.1 204 No\r\n\r\n", "204, no body, keep", "", true);
  expect_answer("HTTP/1.1 204 No\r\nContent-Length: 0\r\n\r\n", "204, no body, keep", "", true);
  expect_answer("HTTP/1.1 304 No\r\n" + length, "304, no body, announces 5, keep", "", true);
}

TEST(ResponseDecoder, DoesNotReuseAConnectionWhoseAnswerPromisesABodyWhereNoneMayBe) {
  const std::string length = "Content-Length: 5\r\n\r\n";
  const std::string chunked = "Transfer-Encoding: chunked\r\n\r\n";
  expect_answer("HTTP/1.1 204 No\r\n" + length, "204, no body, keep", "", false);
  expect_answer("HTTP/1.1 204 No\r\n" + chunked, "204, no body, keep", "", false);
  expect_answer("HTTP/1.1 304 No\r\n" + chunked, "304, no body, keep", "", false);
  expect_answer("HTTP/1.1 205 No\r\n" + length, "205, no body, announces 0, keep", "", false);
  expect_answer("HTTP/1.1 205 No\r\nContent-Length: 0\r\n\r\n", "205, no body, announces 0, keep",
                "", true);
}

TEST(ResponseDecoder, ReusesOnlyWhatTheBackendKeeps) {
  const std::string length = "Content-Length: 2\r\n\r\nhi";
  expect_answer("HTTP/1.1 200 OK\r\nConnection: close\r\n" + length, "200, length 2, close", "hi",
                false);
  expect_answer("HTTP/1.1 200 OK\r\nConnection: close\t\r\n" + length, "200, length 2, close", "hi",
                false);
  expect_answer("HTTP/1.1 200 OK\r\nConnection: close;x\r\n" + length, "200, length 2, close", "hi",
                false);
  expect_answer("HTTP/1.0 200 OK\r\n" + length, "200, 1.0, length 2, close", "hi", false);
  expect_answer("HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\n" + length,
                "200, 1.0, length 2, keep", "hi", true);
  expect_answer("HTTP/1.0 304 No\r\nConnection: keep-alive\r\n\r\n", "304, 1.0, no body, keep", "",
                true);
}

TEST(ResponseDecoder, DoesNotReuseAConnectionThatBelongsToItsClient) {
  for (const std::string line :
       {"WWW-Authenticate: NTLM", "WWW-Authenticate: Negotiate YII=",
        "WWW-Authenticate: Basic realm=\"x\", Negotiate", "Proxy-Authenticate: ntlm",
        "Proxy-Authentication-Info: Negotiate x", "Authentication-Info: NTLM x"}) {
    expect_answer(ok_with(line + "\r\nContent-Length: 0\r\n"), "200, length 0, keep, bound", "",
                  false);
  }
}

TEST(ResponseDecoder, PassesOverInterimAnswersToTheFinalOne) {
  const Transcript seen = decode_answer(
      "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"
      "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi");
  EXPECT_EQ(seen.heads, (std::vector<std::string>{"100, no body, keep", "103, no body, keep",
                                                  "200, length 2, keep"}));
  EXPECT_EQ(seen.body, "hi");
  EXPECT_TRUE(seen.reusable);
}

TEST(ResponseDecoder, KeepsTheMethodOverAnInterimAnswer) {
  const Transcript seen = decode_answer(
      "HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", Method::head);
  EXPECT_EQ(seen.heads.back(), "200, no body, announces 5, keep");
  EXPECT_EQ(seen.outcome, "end");
}

TEST(ResponseDecoder, RefusesInterimAnswersThatAreNone) {
  expect_answers_refused({"HTTP/1.1 100 Continue\r\nContent-Length: 5\r\n\r\nhello",
                          "HTTP/1.1 103 Early\r\nTransfer-Encoding: chunked\r\n\r\n",
                          "HTTP/1.0 100 Continue\r\n\r\nHTTP/1.0 200 OK\r\n\r\n"});
  expect_answers_refused(
      {"HTTP/1.1 101 Switching Protocols\r\n\r\n",
       "HTTP/1.1 101 SP\r\nConnection: upgrade\r\nUpgrade: x\r\nContent-Length: 5\r\n\r\n"},
      "http_upgrade_failed");
}

TEST(ResponseDecoder, TellsAnAnswerThatIsCutFromNone) {
  EXPECT_EQ(decode_answer("HTTP/1.1 200 OK\r\nContent-Le").outcome, "http_response_incomplete");
  EXPECT_EQ(decode_answer("H").outcome, "http_response_incomplete");
  EXPECT_EQ(decode_answer(ok_with("Content-Length: 5\r\n") + "hell").outcome,
            "http_response_incomplete");
  for (const std::string body : {"", "5\r\nhel", "5\r\nhello\r\n", "0\r\n", "0\r\nX: y\r\n"}) {
    EXPECT_EQ(decode_answer(ok_with("Transfer-Encoding: chunked\r\n") + body).outcome,
              "http_response_incomplete");
  }
  EXPECT_EQ(decode_answer("HTTP/1.1 103 Early\r\n\r\n").outcome, "http_response_incomplete");
  FieldTable table;
  const HeadLimits limits;
  ResponseDecoder decoder(table, limits);
  EXPECT_EQ(decoder.finish().error, ErrorCode::upstream_closed);
}

TEST(ResponseDecoder, EndsAtTheEndOfTheStreamWhatWasComplete) {
  FieldTable table;
  const HeadLimits limits;
  ResponseDecoder decoder(table, limits);
  ASSERT_EQ(decoder.next(ok_with("Content-Length: 0\r\n")).kind, StepKind::head);
  EXPECT_FALSE(decoder.complete());
  EXPECT_EQ(decoder.finish().kind, StepKind::end);
  EXPECT_TRUE(decoder.complete());
  EXPECT_EQ(decoder.finish().kind, StepKind::end);
}

TEST(ResponseDecoder, StaysWhereItIsUntilReset) {
  FieldTable table;
  const HeadLimits limits;
  ResponseDecoder decoder(table, limits);
  EXPECT_EQ(decoder.next("x").error, ErrorCode::malformed_response);
  EXPECT_EQ(decoder.next(ok_with("")).error, ErrorCode::malformed_response);
  EXPECT_EQ(decoder.finish().error, ErrorCode::malformed_response);
  decoder.reset();
  const Transcript seen = decode(decoder, "HTTP/1.1 204 No\r\n\r\nx", {20, 1});
  EXPECT_EQ(seen.outcome, "end");
  EXPECT_EQ(decoder.next("HTTP/1.1 200 OK\r\n\r\n").kind, StepKind::end);
  decoder.reset();
  EXPECT_FALSE(decoder.reusable());
  EXPECT_EQ(decoder.finish().error, ErrorCode::upstream_closed);
}

TEST(ResponseDecoder, HoldsAHeadToItsLimits) {
  HeadLimits limits;
  const std::string answer = ok_with("Content-Length: 0\r\nX: y\r\n");
  limits.head_bytes = answer.size();
  limits.fields = 2;
  EXPECT_EQ(decode_answer(answer, Method::get, limits).outcome, "end");
  limits.fields = 1;
  EXPECT_EQ(decode_answer(answer, Method::get, limits).outcome,
            "http_response_header_section_size");
  limits = {};
  limits.head_bytes = answer.size() - 1;
  EXPECT_EQ(decode_answer(answer, Method::get, limits).outcome,
            "http_response_header_section_size");
}

TEST(ResponseDecoder, RefusesChunksThatAreNone) {
  const Transcript seen =
      decode_answer(ok_with("Transfer-Encoding: chunked\r\n") + "2\r\nhi\r\n1 \r\nx\r\n0\r\n\r\n");
  EXPECT_EQ(seen.body, "hi");
  EXPECT_EQ(seen.outcome, malformed_response);
  EXPECT_FALSE(seen.reusable);
}

}  // namespace
}  // namespace holdfast::http1
