#include "cli/legacy_http.h"

#include <gtest/gtest.h>

#include <string>

namespace holdfast {
namespace {

TEST(LegacyHttp, WaitsForTheWholeHead) {
  const std::string head = "GET / HTTP/1.0\r\nHost: a\r\n\r\n";
  for (std::size_t bytes = 0; bytes < head.size(); ++bytes) {
    EXPECT_FALSE(read_legacy_request(head.substr(0, bytes))) << bytes;
  }
  const auto request = read_legacy_request(head + "more");
  ASSERT_TRUE(request);
  EXPECT_EQ(request->head_bytes, head.size());
  EXPECT_EQ(request->status, 200);
}

TEST(LegacyHttp, KeepsOnlyWhenAskedTo) {
  EXPECT_FALSE(read_legacy_request("GET / HTTP/1.1\r\n\r\n")->keep_alive);
  EXPECT_FALSE(read_legacy_request("GET / HTTP/1.0\r\nConnection: close\r\n\r\n")->keep_alive);
  EXPECT_TRUE(read_legacy_request("GET / HTTP/1.0\r\nconnection: Keep-Alive\r\n\r\n")->keep_alive);
  EXPECT_TRUE(
      read_legacy_request("GET / HTTP/1.0\r\nConnection: x, keep-alive\r\n\r\n")->keep_alive);
}

TEST(LegacyHttp, KnowsALengthButNoChunks) {
  EXPECT_EQ(read_legacy_request("POST / HTTP/1.0\r\nContent-Length: 12\r\n\r\n")->body_bytes, 12U);
  const auto chunked = read_legacy_request(
      "POST / HTTP/1.1\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n");
  EXPECT_EQ(chunked->status, 501);
  EXPECT_FALSE(chunked->keep_alive);
}

TEST(LegacyHttp, RefusesWhatIsNoRequest) {
  EXPECT_EQ(read_legacy_request("hello\r\n\r\n")->status, 400);
  EXPECT_EQ(read_legacy_request("\r\n\r\n")->status, 400);
  EXPECT_EQ(read_legacy_request("GET / HTTP/1.0\r\nContent-Length: 1x\r\n\r\n")->status, 400);
  EXPECT_EQ(read_legacy_request(std::string(legacy_head_limit_bytes, 'a'))->status, 400);
}

TEST(LegacyHttp, TellsTheLengthOfEveryAnswer) {
  LegacyRequest request;
  request.keep_alive = true;
  EXPECT_EQ(legacy_answer(request, "hello"),
            "HTTP/1.0 200 OK\r\nServer: legacy\r\nContent-Type: text/plain\r\n"
            "Content-Length: 5\r\nConnection: keep-alive\r\n\r\nhello");
}

TEST(LegacyHttp, AnswersHeadWithoutABody) {
  LegacyRequest request;
  request.without_body = true;
  EXPECT_EQ(legacy_answer(request, "hello"),
            "HTTP/1.0 200 OK\r\nServer: legacy\r\nContent-Type: text/plain\r\n"
            "Content-Length: 5\r\n\r\n");
}

}  // namespace
}  // namespace holdfast
