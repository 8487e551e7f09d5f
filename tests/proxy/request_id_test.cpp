#include "proxy/request_id.h"

#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

namespace holdfast {
namespace {

std::string text_of(const RequestId& id) {
  char text[RequestId::text_bytes];
  return std::string(id.write_text(text));
}

TEST(RequestId, IsWrittenAs32HexDigits) {
  EXPECT_EQ(text_of({0x0123456789abcdef, 0xfedcba9876543210}), "0123456789abcdeffedcba9876543210");
  EXPECT_EQ(text_of({0, 1}), "00000000000000000000000000000001");
}

TEST(RequestId, IsNoneUntilItIsMade) {
  EXPECT_FALSE(RequestId{}.made());
  EXPECT_TRUE(RequestIds().next().made());
}

TEST(RequestIds, NeverMakeOneTwice) {
  std::set<std::string> seen;
  RequestIds one;
  RequestIds other;
  for (int i = 0; i < 1000; ++i) {
    EXPECT_TRUE(seen.insert(text_of(one.next())).second);
    EXPECT_TRUE(seen.insert(text_of(other.next())).second);
  }
}

TEST(RequestId, OfAClientIsSaneIfItIsShortAndPlain) {
  for (const std::string sane : {"1", "f058ebd6-02f7-4d3f-942e-904344e8cde5",
                                 "Root=1-67891233-abcdef", "a.b_c~d:e/f+g=h", "req-17"}) {
    EXPECT_TRUE(sane_request_id(sane)) << sane;
  }
  EXPECT_TRUE(sane_request_id(std::string(http1::max_request_id_bytes, 'x')));
  EXPECT_FALSE(sane_request_id(std::string(http1::max_request_id_bytes + 1, 'x')));
  for (const std::string insane : {"", "a b", "a,b", "a\"b", "a;b", "<a>", "\xc3\xa9", "a\tb"}) {
    EXPECT_FALSE(sane_request_id(insane)) << insane;
  }
}

TEST(RequestId, OfAClientIsTheOnlyOne) {
  using http1::Field;
  http1::RequestHead head;
  const std::vector<Field> one = {{"Host", "a"}, {"x-request-ID", "17"}};
  head.fields = one;
  EXPECT_EQ(request_id_of(head), "17");
  const std::vector<Field> two = {{"X-Request-ID", "17"}, {"X-Request-ID", "17"}};
  head.fields = two;
  EXPECT_EQ(request_id_of(head), "");
  const std::vector<Field> insane = {{"X-Request-ID", "1 7"}};
  head.fields = insane;
  EXPECT_EQ(request_id_of(head), "");
  head.fields = {};
  EXPECT_EQ(request_id_of(head), "");
}

}  // namespace
}  // namespace holdfast
