#include "codec/http1/decoder.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "codec/http1/transcript.h"

namespace holdfast::http1 {
namespace {

std::string get_with(std::string_view lines) {
  return "GET / HTTP/1.1\r\nHost: a\r\n" + std::string(lines) + "\r\n";
}

// The one head that the bytes hold, whose message is complete and followed by nothing.
std::string only_head(std::string_view bytes) {
  const Transcript seen = decode_request(bytes);
  EXPECT_EQ(seen.outcome, "end") << bytes;
  EXPECT_EQ(seen.rest, 0U) << bytes;
  return seen.heads.size() == 1 ? seen.heads[0] : std::string("none");
}

// The refusal of the bytes, before any head was given.
std::string refusal(std::string_view bytes, const Bounds& bounds = {}) {
  const Transcript seen = decode_request(bytes, bounds);
  EXPECT_TRUE(seen.heads.empty()) << bytes;
  return seen.outcome;
}

void expect_refused(const std::vector<std::string>& rows,
                    const std::string& error = malformed_request) {
  for (const std::string& row : rows) {
    EXPECT_EQ(refusal(row), error) << row;
  }
}

TEST(RequestDecoder, GivesAHeadAndItsEnd) {
  EXPECT_EQ(only_head("GET / HTTP/1.1\r\nHost: a\r\n\r\n"), "GET / at a, no body, keep");
  EXPECT_EQ(only_head("GET /x?y HTTP/1.0\r\n\r\n"), "GET /x?y at , 1.0, no body, close");
  EXPECT_EQ(only_head("HEAD http://b/x HTTP/1.1\r\nHost: B\r\n\r\n"),
            "HEAD /x at b, no body, keep");
  EXPECT_EQ(only_head("OPTIONS * HTTP/1.1\r\nHost: a:80\r\n\r\n"),
            "OPTIONS * at a:80, no body, keep");
}

TEST(RequestDecoder, GivesTheFieldsAsTheyCameWithoutBlanks) {
  FieldTable table;
  const HeadLimits limits;
  RequestDecoder decoder(table, limits, 0);
  const std::string bytes =
      get_with("X-Empty:\r\nX-Blank: \t \r\nx-Mixed:\tA b\t c \t\r\nY:\xff\r\n");
  ASSERT_EQ(decoder.next(bytes).kind, StepKind::head);
  const std::vector<std::pair<std::string, std::string>> expected = {
      {"Host", "a"}, {"X-Empty", ""}, {"X-Blank", ""}, {"x-Mixed", "A b\t c"}, {"Y", "\xff"}};
  ASSERT_EQ(decoder.head().fields.size(), expected.size());
  for (std::size_t i = 0; i < expected.size(); ++i) {
    EXPECT_EQ(decoder.head().fields[i].name, expected[i].first);
    EXPECT_EQ(decoder.head().fields[i].value, expected[i].second);
  }
}

TEST(RequestDecoder, CarriesEachCharacterOfATarget) {
  std::string target = "/";
  for (char c = 0x21; c < 0x7f; ++c) {
    if (c != '#') {
      target += c;
    }
  }
  EXPECT_EQ(only_head("GET " + target + "?" + target + " HTTP/1.1\r\nHost: a\r\n\r\n"),
            "GET " + target + "?" + target + " at a, no body, keep");
}

TEST(RequestDecoder, TakesABodyOfAKnownLengthWhateverTheMethod) {
  for (const std::string method : {"GET", "POST", "DELETE", "OPTIONS"}) {
    const Transcript seen =
        decode_request(method + " / HTTP/1.1\r\nHost: a\r\nContent-Length: 005 \r\n\r\nhello!");
    EXPECT_EQ(seen.heads[0], method + " / at a, length 5, keep");
    EXPECT_EQ(seen.body, "hello");
    EXPECT_EQ(seen.outcome, "end");
    EXPECT_EQ(seen.rest, 1U);
  }
}

TEST(RequestDecoder, WaitsForTheRestOfABody) {
  const Transcript seen =
      decode_request("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhell");
  EXPECT_EQ(seen.body, "hell");
  EXPECT_EQ(seen.outcome, "more");
}

TEST(RequestDecoder, LeavesTheNextRequestAlone) {
  const std::string two =
      get_with("") + "POST /2 HTTP/1.1\r\nHost: b\r\nContent-Length: 1\r\n\r\nx";
  FieldTable table;
  const HeadLimits limits;
  RequestDecoder decoder(table, limits, 0);
  std::string_view rest = two;
  Transcript seen = decode(decoder, rest, {rest.size(), 1});
  EXPECT_TRUE(decoder.complete());
  EXPECT_EQ(decoder.next(rest).kind, StepKind::end) << "it stays until reset";
  rest.remove_prefix(rest.size() - seen.rest);
  decoder.reset();
  EXPECT_FALSE(decoder.complete());
  seen = decode(decoder, rest, {rest.size(), 1});
  EXPECT_EQ(seen.heads[0], "POST /2 at b, length 1, keep");
  EXPECT_EQ(seen.body, "x");
}

TEST(RequestDecoder, StaysInErrorUntilReset) {
  FieldTable table;
  const HeadLimits limits;
  RequestDecoder decoder(table, limits, 0);
  EXPECT_EQ(decoder.next("\n").error, ErrorCode::malformed_request);
  EXPECT_EQ(decoder.next(get_with("")).kind, StepKind::error);
  decoder.reset();
  EXPECT_EQ(decoder.next(get_with("")).kind, StepKind::head);
}

TEST(RequestDecoder, SkipsAtMostTwoEmptyLinesBeforeARequest) {
  EXPECT_EQ(only_head("\r\n" + get_with("")), "GET / at a, no body, keep");
  EXPECT_EQ(only_head("\r\n\r\n" + get_with("")), "GET / at a, no body, keep");
  expect_refused({"\r\n\r\n\r\n" + get_with(""), "\r\r\n" + get_with(""), "\n" + get_with(""),
                  "\r\n " + get_with("")});
}

TEST(RequestDecoder, RefusesARequestLineThatIsNotExact) {
  expect_refused({
      " GET / HTTP/1.1\r\nHost: a\r\n\r\n",
      "GET  / HTTP/1.1\r\nHost: a\r\n\r\n",
      "GET /  HTTP/1.1\r\nHost: a\r\n\r\n",
      "GET\t/\tHTTP/1.1\r\nHost: a\r\n\r\n",
      "GET / HTTP/1.1 \r\nHost: a\r\n\r\n",
      "GET  HTTP/1.1\r\nHost: a\r\n\r\n",
      "GET /\r\n",
      "GET\r\n",
      "G@T / HTTP/1.1\r\nHost: a\r\n\r\n",
      "get / HTTP/1.1\r\nHost: a\r\n\r\n",
      "GET /a b HTTP/1.1\r\nHost: a\r\n\r\n",
      "PROXY TCP4 192.0.2.1 192.0.2.2 5 6\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
      "\x16\x03\x01\x02",
  });
}

TEST(RequestDecoder, TellsANewerVersionFromNone) {
  expect_refused({"GET / HTTP/1.2\r\nHost: a\r\n\r\n", "GET / HTTP/2.0\r\nHost: a\r\n\r\n",
                  "GET / HTTP/3.0\r\nHost: a\r\n\r\n", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"},
                 "http_request_version");
  expect_refused({"GET / http/1.1\r\nHost: a\r\n\r\n", "GET / HTTP/1\r\nHost: a\r\n\r\n",
                  "GET / HTTP/1,1\r\nHost: a\r\n\r\n", "GET / HTTP/1.10\r\nHost: a\r\n\r\n",
                  "GET / HTTP/01.1\r\nHost: a\r\n\r\n", "GET / HTTP/0.9\r\nHost: a\r\n\r\n",
                  "GET / ICE/1.0\r\nHost: a\r\n\r\n", "GET / HTTP/1.x\r\nHost: a\r\n\r\n"});
}

TEST(RequestDecoder, CarriesTheMethodsThatItKnows) {
  for (const std::string method :
       {"GET",    "HEAD",      "POST",       "PUT",        "DELETE", "OPTIONS",
        "PATCH",  "ACL",       "BIND",       "CHECKOUT",   "COPY",   "LINK",
        "LOCK",   "MERGE",     "MKACTIVITY", "MKCALENDAR", "MKCOL",  "MOVE",
        "NOTIFY", "PROPFIND",  "PROPPATCH",  "PURGE",      "REBIND", "REPORT",
        "SEARCH", "SUBSCRIBE", "UNBIND",     "UNLINK",     "UNLOCK", "UNSUBSCRIBE"}) {
    EXPECT_EQ(only_head(method + " / HTTP/1.1\r\nHost: a\r\n\r\n"),
              method + " / at a, no body, keep");
  }
}

TEST(RequestDecoder, RefusesMethodsByWhatTheyAre) {
  expect_refused({"CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n",
                  "CONNECT a:443 HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello",
                  "TRACE / HTTP/1.1\r\nHost: a\r\n\r\n"},
                 "http_request_method_denied");
  expect_refused({"FOO / HTTP/1.1\r\nHost: a\r\n\r\n", "SOURCE / HTTP/1.1\r\nHost: a\r\n\r\n",
                  "GETT / HTTP/1.1\r\nHost: a\r\n\r\n", "M-SEARCH * HTTP/1.1\r\nHost: a\r\n\r\n",
                  std::string(40, 'A') + " / HTTP/1.1\r\nHost: a\r\n\r\n"},
                 "http_request_method");
}

TEST(RequestDecoder, RefusesLineEndsThatAreNotCrLf) {
  expect_refused({
      "GET / HTTP/1.1\nHost: a\n\n",
      "GET / HTTP/1.1\r\nHost: a\nX: b\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: a\r\n\n",
      "GET / HTTP/1.1\rHost: a\r\n\r\n",
      "GET / HTTP/1.1\r\r\nHost: a\r\n\r\n",
      get_with("X: y\rContent-Length: 3\r\n") + "abc",
      get_with("X:\rY\r\n"),
      get_with("X:\n\nGET /evil HTTP/1.1\r\n"),
      "\r\r\rGET / HTTP/1.1\r\nHost: a\r\n\r\n",
  });
}

TEST(RequestDecoder, RefusesFoldedLines) {
  expect_refused({
      get_with("X: a\r\n b\r\n"),
      get_with("X: a\r\n\tb\r\n"),
      get_with("X:\r\n b\r\n"),
      get_with("X: a\r\n \r\nY: b\r\n"),
      get_with("Transfer-Encoding:\r\n chunked\r\n"),
      get_with("Content-Length: 5\r\n\t\r\n") + "hello",
      "GET / HTTP/1.1\r\n Host: a\r\n\r\n",
      "GET / HTTP/1.1\r\nHost:\r\n a\r\n\r\n",
  });
}

TEST(RequestDecoder, RefusesControlCharactersAnywhere) {
  for (int byte = 0; byte < 0x20; ++byte) {
    const std::string control(1, static_cast<char>(byte));
    if (control != "\t") {
      expect_refused({get_with("X: a" + control + "b\r\n")});
    }
    expect_refused({get_with("X" + control + "Y: b\r\n"),
                    "GET /" + control + " HTTP/1.1\r\nHost: a\r\n\r\n",
                    "GET / HTTP/1.1\r\nHost: a" + control + "b\r\n\r\n"});
  }
  expect_refused({get_with("X: a\x7f\r\n"), "GET /\x7f HTTP/1.1\r\nHost: a\r\n\r\n",
                  "GET /\xff HTTP/1.1\r\nHost: a\r\n\r\n"});
}

TEST(RequestDecoder, RefusesFieldNamesThatAreNone) {
  expect_refused({
      get_with("Name : x\r\n"),
      get_with("Name\t: x\r\n"),
      get_with(": x\r\n"),
      get_with("Name\r\n"),
      get_with("Content_Length: 5\r\n"),
      get_with("Transfer_Encoding: chunked\r\n"),
      get_with("N\xe4me: x\r\n"),
      get_with("Na(me: x\r\n"),
      get_with("Transfer-\r\nEncoding: chunked\r\n"),
  });
}

TEST(RequestDecoder, WantsOneHostThatIsOne) {
  expect_refused({
      "GET / HTTP/1.1\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n",
      "GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: a, b\r\n\r\n",
      "GET / HTTP/1.1\r\nHost:\r\n\r\n",
      "GET / HTTP/1.0\r\nHost: \r\n\r\n",
      "GET / HTTP/1.1\r\nHost: u@a\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: a b\r\n\r\n",
      "GET http://b/ HTTP/1.1\r\nHost: a\r\n\r\n",
      "GET http://b/ HTTP/1.1\r\n\r\n",
  });
}

TEST(RequestDecoder, RefusesTargetsOfOtherForms) {
  expect_refused({
      "GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n",
      "GET http://u:p@a/ HTTP/1.1\r\nHost: a\r\n\r\n",
      "GET ftp://a/ HTTP/1.1\r\nHost: a\r\n\r\n",
      "GET * HTTP/1.1\r\nHost: a\r\n\r\n",
      "OPTIONS *abc HTTP/1.1\r\nHost: a\r\n\r\n",
      "GET a/b HTTP/1.1\r\nHost: a\r\n\r\n",
  });
}

TEST(RequestDecoder, RefusesFramingThatLeavesADoubt) {
  expect_refused({
      get_with("Content-Length: 3\r\nContent-Length: 3\r\n"),
      get_with("Content-Length: 3\r\nTransfer-Encoding: chunked\r\n"),
      get_with("Transfer-Encoding: chunked\r\nContent-Length: 3\r\n"),
      get_with("Transfer-Encoding:\r\nContent-Length: 3\r\n"),
      get_with("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"),
      get_with("Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n"),
      get_with("Transfer-Encoding: chunked\r\nX: y\r\nTransfer-Encoding: x\r\n"),
      get_with("Transfer-Encoding: \x0b"
               "chunked\r\n"),
      get_with("Transfer-Encoding: xchunked\r\n"),
      get_with("Content-Length: 3, 3\r\n"),
      get_with("Content-Length: \r\n"),
      get_with("Content-Length: 18446744073709551615\r\n"),
      "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
  });
  expect_refused({get_with("Transfer-Encoding: gzip, chunked\r\n")},
                 "http_request_transfer_coding");
}

TEST(RequestDecoder, RefusesTabsBesideAFramingValue) {
  expect_refused({get_with("Content-Length: 3\t\r\n"), get_with("Content-Length:\t3\r\n"),
                  get_with("Transfer-Encoding: chunked\t\r\n"),
                  get_with("Transfer-Encoding:\tchunked\r\n")});
}

TEST(RequestDecoder, ReadsTheConnectionOptions) {
  const std::string keep = "GET / at a, no body, keep";
  const std::string close = "GET / at a, no body, close";
  EXPECT_EQ(only_head(get_with("Connection: close\r\n")), close);
  EXPECT_EQ(only_head(get_with("Connection: close\t\r\n")), close);
  EXPECT_EQ(only_head(get_with("Connection: x\t, close\r\n")), close);
  EXPECT_EQ(only_head(get_with("Connection: keep-alive\r\nConnection: close\r\n")), close);
  EXPECT_EQ(only_head(get_with("Proxy-Connection: close\r\n")), close);
  EXPECT_EQ(only_head(get_with("Connection: closed\r\n")), keep);
  EXPECT_EQ(only_head(get_with("Connection: Upgrade\r\nUpgrade: websocket\r\n")), keep);
  EXPECT_EQ(only_head("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n"),
            "GET / at , 1.0, no body, keep");
  EXPECT_EQ(only_head("GET / HTTP/1.0\r\nProxy-Connection: keep-alive\r\n\r\n"),
            "GET / at , 1.0, no body, close");
}

TEST(RequestDecoder, RefusesConnectionOptionsThatReachTooFar) {
  for (const std::string name : {"Content-Length", "Transfer-Encoding", "Host", "Authorization",
                                 "Cookie", "X-Forwarded-For", "Forwarded", "Via", "X-Real-IP"}) {
    expect_refused({get_with("Connection: close, " + name + "\r\n")});
  }
  expect_refused({get_with("Connection: \"close\"\r\n"), get_with("Connection: a b\r\n")});
}

TEST(RequestDecoder, KnowsOneExpectation) {
  const std::string post = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nExpect: ";
  EXPECT_EQ(decode_request(post + "100-Continue\r\n\r\nx").heads[0],
            "POST / at a, length 1, keep, expects 100");
  EXPECT_EQ(refusal(post + "100-continue, x\r\n\r\nx"), "http_request_expectation");
  EXPECT_EQ(refusal(post + "100-continue;x=y\r\n\r\nx"), "http_request_expectation");
}

TEST(RequestDecoder, ReadsExpectAsAList) {
  const std::string post = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nExpect: ";
  EXPECT_EQ(decode_request(post + ", 100-continue,,100-continue\r\n\r\nx").heads[0],
            "POST / at a, length 1, keep, expects 100");
  EXPECT_EQ(decode_request(post + ",\r\n\r\nx").heads[0], "POST / at a, length 1, keep");
}

TEST(RequestDecoder, IgnoresAnExpectationThatMeansNothing) {
  EXPECT_EQ(decode_request("POST / HTTP/1.0\r\nContent-Length: 1\r\nExpect: 100-continue\r\n\r\nx")
                .heads[0],
            "POST / at , 1.0, length 1, close");
  EXPECT_EQ(decode_request("GET / HTTP/1.0\r\nExpect: magic\r\n\r\n").outcome, "end");
  EXPECT_EQ(only_head(get_with("Expect: 100-continue\r\n")), "GET / at a, no body, keep");
}

TEST(RequestDecoder, TellsCredentialsThatBindTheConnection) {
  EXPECT_EQ(only_head(get_with("Authorization: NTLM TlRM\r\n")),
            "GET / at a, no body, keep, bound");
  EXPECT_EQ(only_head(get_with("Proxy-Authorization: negotiate YII=\r\n")),
            "GET / at a, no body, keep, bound");
  EXPECT_EQ(only_head(get_with("Authorization: Basic dTpw\r\n")), "GET / at a, no body, keep");
}

TEST(RequestDecoder, HoldsAHeadToItsSize) {
  Bounds bounds;
  const std::string request = get_with("X: 0123456789\r\n");
  bounds.limits.head_bytes = request.size();
  EXPECT_EQ(decode_request(request, bounds).outcome, "end");
  bounds.limits.head_bytes = request.size() - 1;
  EXPECT_EQ(refusal(request, bounds), "http_request_head_size");
}

TEST(RequestDecoder, HoldsATargetToItsSize) {
  Bounds bounds;
  bounds.limits.target_bytes = 8;
  EXPECT_EQ(decode_request("GET /1234567 HTTP/1.1\r\nHost: a\r\n\r\n", bounds).outcome, "end");
  EXPECT_EQ(refusal("GET /12345678 HTTP/1.1\r\nHost: a\r\n\r\n", bounds),
            "http_request_target_size");
  EXPECT_EQ(refusal("GET /" + std::string(100, 'x'), bounds), "http_request_target_size")
      << "it does not wait for the end of the line";
}

TEST(RequestDecoder, HoldsAHeadToItsNumberOfFields) {
  Bounds bounds;
  bounds.limits.fields = 3;
  EXPECT_EQ(decode_request(get_with("A: 1\r\nB: 2\r\n"), bounds).outcome, "end");
  EXPECT_EQ(refusal(get_with("A: 1\r\nB: 2\r\nC: 3\r\n"), bounds), "http_request_head_size");
}

TEST(RequestDecoder, HoldsABodyToItsSize) {
  Bounds bounds;
  bounds.max_body = 4;
  const std::string head = "POST / HTTP/1.1\r\nHost: a\r\n";
  EXPECT_EQ(decode_request(head + "Content-Length: 4\r\n\r\n1234", bounds).outcome, "end");
  EXPECT_EQ(refusal(head + "Content-Length: 5\r\n\r\n12345", bounds), "http_request_body_size");
  const std::string chunked = head + "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n";
  EXPECT_EQ(decode_request(chunked + "1\r\nd\r\n0\r\n\r\n", bounds).outcome, "end");
  const Transcript seen = decode_request(chunked + "2\r\nde\r\n0\r\n\r\n", bounds);
  EXPECT_EQ(seen.body, "abc");
  EXPECT_EQ(seen.outcome, "http_request_body_size");
}

TEST(RequestDecoder, TellsAtOnceWhatCanComeToNothing) {
  for (const std::string_view begin :
       {"\n", "\x16", "h", "GET / HTTP/1.1\r\nA", "GET / HTTP/1.1x", "G\t"}) {
    FieldTable table;
    const HeadLimits limits;
    RequestDecoder decoder(table, limits, 0);
    const bool good = begin == "GET / HTTP/1.1\r\nA" || begin == "GET / HTTP/1.1x";
    EXPECT_EQ(decoder.next(begin).kind, good ? StepKind::need_more : StepKind::error) << begin;
  }
}

}  // namespace
}  // namespace holdfast::http1
