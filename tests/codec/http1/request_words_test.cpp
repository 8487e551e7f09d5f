#include "codec/http1/request_words.h"

#include <gtest/gtest.h>

#include <string>

namespace holdfast::http1 {
namespace {

TEST(RequestWords, AreReadFromTheStartLine) {
  const RequestWords words = read_request_words("GET /a?b=c HTTP/1.0\r\n\r\n");
  EXPECT_EQ(words.line, "GET /a?b=c HTTP/1.0");
  EXPECT_EQ(words.method, "GET");
  EXPECT_EQ(words.path, "/a?b=c");
  EXPECT_EQ(words.version, "HTTP/1.0");
}

TEST(RequestWords, AreReadFromFieldsWhateverTheirCase) {
  const RequestWords words = read_request_words(
      "GET / HTTP/1.1\r\nhOST: a.test:80\r\nUser-Agent: \tcurl/8 \r\nREFERER:r\r\naccept: x/y\r\n"
      "x-request-id: 17\r\nTraceparent: 00-ab\r\n\r\n");
  EXPECT_EQ(words.host, "a.test:80");
  EXPECT_EQ(words.user_agent, "curl/8");
  EXPECT_EQ(words.referer, "r");
  EXPECT_EQ(words.accept, "x/y");
  EXPECT_EQ(words.request_id, "17");
  EXPECT_EQ(words.traceparent, "00-ab");
}

TEST(RequestWords, TellAMissingFieldFromAnEmptyOne) {
  const RequestWords words = read_request_words("GET / HTTP/1.1\r\nUser-Agent:\r\n\r\n");
  EXPECT_NE(words.user_agent.data(), nullptr);
  EXPECT_EQ(words.user_agent, "");
  EXPECT_EQ(words.referer.data(), nullptr);
}

TEST(RequestWords, TakeTheFirstOfSeveralFields) {
  EXPECT_EQ(read_request_words("GET / HTTP/1.1\r\nReferer: a\r\nReferer: b\r\n\r\n").referer, "a");
}

TEST(RequestWords, TakeNoneOfSeveralRequestIds) {
  const RequestWords words =
      read_request_words("GET / HTTP/1.1\r\nX-Request-ID: a\r\nX-Request-ID: b\r\n\r\n");
  EXPECT_EQ(words.request_id, "");
}

TEST(RequestWords, SplitAnAbsoluteTarget) {
  const RequestWords words =
      read_request_words("GET http://a.test/p?q=http://b HTTP/1.1\r\nHost: a.test\r\n\r\n");
  EXPECT_EQ(words.host, "a.test");
  EXPECT_EQ(words.path, "/p?q=http://b");
  EXPECT_EQ(words.line, "GET http://a.test/p?q=http://b HTTP/1.1");
  EXPECT_EQ(read_request_words("GET http://a?q HTTP/1.1\r\n\r\n").path, "?q");
}

TEST(RequestWords, LeaveAUrlInAPathAlone) {
  EXPECT_EQ(read_request_words("GET /?u=http://b/ HTTP/1.1\r\n\r\n").path, "/?u=http://b/");
}

TEST(RequestWords, SkipEmptyLinesBeforeTheRequest) {
  EXPECT_EQ(read_request_words("\r\n\r\nGET / HTTP/1.1\r\n\r\n").method, "GET");
}

TEST(RequestWords, EndWithTheHead) {
  const RequestWords words = read_request_words("POST / HTTP/1.1\r\n\r\nReferer: body\r\n\r\n");
  EXPECT_EQ(words.referer.data(), nullptr);
}

TEST(RequestWords, OfGarbageAreItsFirstLine) {
  EXPECT_EQ(read_request_words("").line, "");
  EXPECT_EQ(read_request_words("\x16\x03\x01\n").line, "\x16\x03\x01");
  EXPECT_EQ(read_request_words("GET\r\nno field\r\n: x\r\n").line, "GET");
  EXPECT_EQ(read_request_words("GET /").method.data(), nullptr);
  EXPECT_EQ(first_line("\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"), "GET / HTTP/1.1");
}

}  // namespace
}  // namespace holdfast::http1
