// What the splitter was compiled to accept. The decoder looks at each head itself before it
// believes it, so this guards the second line: a build in which the splitter would be lax must not
// pass.
#include <gtest/gtest.h>
#include <llhttp.h>

#include <string_view>

namespace holdfast {
namespace {

llhttp_errno_t split(std::string_view bytes, llhttp_type_t type) {
  llhttp_settings_t settings;
  llhttp_settings_init(&settings);
  llhttp_t parser;
  llhttp_init(&parser, type, &settings);
  return llhttp_execute(&parser, bytes.data(), bytes.size());
}

TEST(Splitter, TakesASoundRequest) {
  EXPECT_EQ(split("GET /a HTTP/1.1\r\nHost: a\r\n\r\n", HTTP_REQUEST), HPE_OK);
}

// Each of these passes where the splitter is compiled without its strict mode.
TEST(Splitter, IsStrict) {
  EXPECT_EQ(split("GET /\x80 HTTP/1.1\r\n\r\n", HTTP_REQUEST), HPE_INVALID_URL);
  EXPECT_EQ(split("GET /\t HTTP/1.1\r\n\r\n", HTTP_REQUEST), HPE_INVALID_URL);
  EXPECT_NE(split("GET / HTTP/1.1\r\nA b: c\r\n\r\n", HTTP_REQUEST), HPE_OK);
}

TEST(Splitter, IsNowhereLenient) {
  EXPECT_NE(split("GET / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
                  HTTP_REQUEST),
            HPE_OK);
  EXPECT_NE(split("GET / HTTP/1.1\r\nA: b\x01\r\n\r\n", HTTP_REQUEST), HPE_OK);
}

}  // namespace
}  // namespace holdfast
