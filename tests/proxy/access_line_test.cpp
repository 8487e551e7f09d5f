#include "proxy/access_line.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <string>
#include <vector>

#include "base/log_text.h"

namespace holdfast {
namespace {

// 2026-01-31T23:59:58.042Z
constexpr Duration moment = 1769903998042ms;

AccessFacts plain_facts() {
  AccessFacts facts;
  facts.ended = moment;
  facts.client = "10.1.2.3";
  facts.request = http1::read_request_words(
      "GET /a?b=c HTTP/1.1\r\nHost: shop.test\r\nUser-Agent: curl/8\r\nReferer: http://r/\r\n"
      "traceparent: 00-1-2-3\r\nAuthorization: Basic c2VjcmV0\r\nCookie: secret=1\r\n\r\n");
  facts.status = 200;
  facts.bytes_in = 150;
  facts.bytes_out = 512;
  facts.duration = 12ms;
  facts.wait = 0ms;
  facts.first_byte = 11ms + 5us;
  facts.upstream = "legacy";
  facts.server = "10.0.0.5:80";
  facts.request_id = "abc";
  facts.reused = true;
  facts.connection = 17;
  facts.request_of_it = 412;
  facts.tries = 1;
  return facts;
}

std::string line_of(AccessLogFormat format, const AccessFacts& facts) {
  AccessLine line(format);
  std::vector<char> room(AccessLine::max_bytes);
  return {room.data(), line.write(facts, room)};
}

class AccessLineTest : public testing::Test {
 protected:
  AccessLineTest() { in_zone("UTC0"); }
  ~AccessLineTest() override { in_zone("UTC0"); }

  static void in_zone(const char* zone) { ::setenv("TZ", zone, 1); }
  [[nodiscard]] std::string line(AccessLogFormat format) const { return line_of(format, facts_); }

  AccessFacts facts_ = plain_facts();
};

TEST_F(AccessLineTest, IsNginxsCombined) {
  EXPECT_EQ(line(AccessLogFormat::combined),
            "10.1.2.3 - - [31/Jan/2026:23:59:58 +0000] \"GET /a?b=c HTTP/1.1\" 200 512 "
            "\"http://r/\" \"curl/8\"\n");
}

TEST_F(AccessLineTest, IsOneJsonObjectWithEveryKey) {
  EXPECT_EQ(line(AccessLogFormat::json),
            R"({"ts":"2026-01-31T23:59:58.042Z","client":"10.1.2.3","method":"GET",)"
            R"("host":"shop.test","path":"/a?b=c","proto":"HTTP/1.1","status":200,"bytes_in":150,)"
            R"("bytes_out":512,"dur":0.012,"wait":0.000,"connect":null,"ttfb":0.011005,)"
            R"("upstream":"legacy","server":"10.0.0.5:80","reused":true,"conn":17,"conn_req":412,)"
            R"("tries":1,"retired":null,"error":null,"request_id":"abc","traceparent":"00-1-2-3"})"
            "\n");
}

TEST_F(AccessLineTest, IsLogfmtOfWhatIsKnown) {
  EXPECT_EQ(line(AccessLogFormat::logfmt),
            "ts=2026-01-31T23:59:58.042Z client=10.1.2.3 method=GET host=shop.test "
            "path=\"/a?b=c\" proto=HTTP/1.1 status=200 bytes_in=150 bytes_out=512 dur=0.012 "
            "wait=0.000 ttfb=0.011005 upstream=legacy server=10.0.0.5:80 reused=true conn=17 "
            "conn_req=412 tries=1 request_id=abc traceparent=00-1-2-3\n");
}

TEST_F(AccessLineTest, HasTheLocalTimeInCombinedOnly) {
  in_zone("IST-5:30");
  EXPECT_NE(line(AccessLogFormat::combined).find("[01/Feb/2026:05:29:58 +0530]"),
            std::string::npos);
  EXPECT_NE(line(AccessLogFormat::json).find("\"2026-01-31T23:59:58.042Z\""), std::string::npos);
  in_zone("NST3:30");
  EXPECT_NE(line(AccessLogFormat::combined).find("[31/Jan/2026:20:29:58 -0330]"),
            std::string::npos);
}

TEST_F(AccessLineTest, TellsWhatNeverHappened) {
  facts_ = {};
  facts_.ended = moment;
  facts_.client = "::1";
  facts_.error = "http_request_timeout";
  EXPECT_EQ(line(AccessLogFormat::combined),
            "::1 - - [31/Jan/2026:23:59:58 +0000] \"-\" 499 0 \"-\" \"-\"\n");
  EXPECT_EQ(line(AccessLogFormat::logfmt),
            "ts=2026-01-31T23:59:58.042Z client=::1 bytes_in=0 bytes_out=0 dur=0.000 tries=0 "
            "error=http_request_timeout\n");
  EXPECT_NE(line(AccessLogFormat::json).find(R"("status":null)"), std::string::npos);
  EXPECT_NE(line(AccessLogFormat::json).find(R"("reused":null,"conn":null,"conn_req":null)"),
            std::string::npos);
}

TEST_F(AccessLineTest, ShowsWhatWasNoRequest) {
  facts_.request = http1::read_request_words("\x16\x03\x01\r\n");
  EXPECT_NE(line(AccessLogFormat::combined).find("\"\\x16\\x03\\x01\""), std::string::npos);
  EXPECT_NE(line(AccessLogFormat::json).find(R"("request":"\u0016\u0003\u0001")"),
            std::string::npos);
}

TEST_F(AccessLineTest, NeverHasCredentials) {
  for (const auto format :
       {AccessLogFormat::combined, AccessLogFormat::json, AccessLogFormat::logfmt}) {
    EXPECT_EQ(line(format).find("c2VjcmV0"), std::string::npos);
    EXPECT_EQ(line(format).find("secret"), std::string::npos);
  }
}

TEST_F(AccessLineTest, EscapesInCombinedAsNginxDoes) {
  facts_.request.user_agent = "a\"b\\c\td\x7f\xc3\xa9~ ";
  EXPECT_NE(line(AccessLogFormat::combined).find(R"("a\x22b\x5Cc\x09d\x7F\xC3\xA9~ ")"),
            std::string::npos);
}

TEST_F(AccessLineTest, EscapesInJson) {
  facts_.request.path = "\"\\\n\x01\x7f\xc3\xa9\xff\xc2\x9b";
  EXPECT_NE(line(AccessLogFormat::json)
                .find("\"path\":\"\\\"\\\\\\u000a\\u0001\\u007f\xc3\xa9\\ufffd\\u009b\""),
            std::string::npos);
}

TEST_F(AccessLineTest, QuotesInLogfmtWhatIsNotOneWord) {
  facts_.request.path = "a b";
  EXPECT_NE(line(AccessLogFormat::logfmt).find(" path=\"a b\" "), std::string::npos);
  facts_.request.path = std::string_view("", 0);
  EXPECT_NE(line(AccessLogFormat::logfmt).find(" path=\"\" "), std::string::npos);
  facts_.request.path = "\xc3\xa9";
  EXPECT_NE(line(AccessLogFormat::logfmt).find(" path=\"\xc3\xa9\" "), std::string::npos);
}

TEST_F(AccessLineTest, CutsWhatIsTooLong) {
  const std::string limit(AccessLine::max_text_bytes, 'a');
  facts_.request.path = limit;
  EXPECT_NE(line(AccessLogFormat::json).find('"' + limit + '"'), std::string::npos);
  const std::string longer = limit + "a";
  facts_.request.path = longer;
  EXPECT_NE(line(AccessLogFormat::json).find('"' + limit + "...\""), std::string::npos);
}

TEST_F(AccessLineTest, FitsItsRoomAtItsLongest) {
  const std::string worst(AccessLine::max_text_bytes + 1, '\x01');
  for (std::string_view* text :
       {&facts_.request.line, &facts_.request.method, &facts_.request.path, &facts_.request.version,
        &facts_.request.host, &facts_.request.user_agent, &facts_.request.referer,
        &facts_.request.traceparent, &facts_.request_id}) {
    *text = worst;
  }
  for (const auto format :
       {AccessLogFormat::combined, AccessLogFormat::json, AccessLogFormat::logfmt}) {
    EXPECT_LE(line(format).size(), AccessLine::max_bytes);
  }
}

// The text as it stands between quotes; true if JSON allows each of its bytes.
bool is_json_text(std::string_view text) {
  while (!text.empty()) {
    const std::size_t bytes = utf8_sequence_bytes(text);
    if (bytes == 0 || text.front() == '"' || static_cast<unsigned char>(text.front()) < 0x20) {
      return false;
    }
    if (text.front() != '\\') {
      text.remove_prefix(bytes);
    } else if (text.size() > 1 && (text[1] == '"' || text[1] == '\\')) {
      text.remove_prefix(2);
    } else if (text.size() > 5 && text[1] == 'u' &&
               text.substr(2, 4).find_first_not_of("0123456789abcdef") == std::string_view::npos) {
      text.remove_prefix(6);
    } else {
      return false;
    }
  }
  return true;
}

RC_GTEST_PROP(AccessLine, StaysOneLineOfValidTextWhateverAClientSends, (std::string hostile)) {
  AccessFacts facts = plain_facts();
  facts.request.path = hostile;
  facts.request.user_agent = hostile;
  const std::string json = line_of(AccessLogFormat::json, facts);
  const std::size_t begin = json.find("\"path\":\"") + 8;
  RC_ASSERT(is_json_text(json.substr(begin, json.find("\",\"proto\"") - begin)));
  for (const auto format :
       {AccessLogFormat::combined, AccessLogFormat::json, AccessLogFormat::logfmt}) {
    const std::string line = line_of(format, facts);
    RC_ASSERT(line.find('\n') == line.size() - 1);
    for (const char c : line.substr(0, line.size() - 1)) {
      RC_ASSERT(static_cast<unsigned char>(c) >= 0x20 && c != 0x7f);
    }
  }
}

}  // namespace
}  // namespace holdfast
