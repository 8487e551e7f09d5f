#include "codec/http1/fields.h"

#include <gtest/gtest.h>

#include <cctype>
#include <string>
#include <utility>
#include <vector>

namespace holdfast::http1 {
namespace {

const std::vector<std::pair<std::string, FieldId>> known_names = {
    {"Authentication-Info", FieldId::authentication_info},
    {"Authorization", FieldId::authorization},
    {"Connection", FieldId::connection},
    {"Content-Length", FieldId::content_length},
    {"Cookie", FieldId::cookie},
    {"Expect", FieldId::expect},
    {"Forwarded", FieldId::forwarded},
    {"Host", FieldId::host},
    {"HTTP2-Settings", FieldId::http2_settings},
    {"Keep-Alive", FieldId::keep_alive},
    {"Proxy", FieldId::proxy},
    {"Proxy-Authenticate", FieldId::proxy_authenticate},
    {"Proxy-Authentication-Info", FieldId::proxy_authentication_info},
    {"Proxy-Authorization", FieldId::proxy_authorization},
    {"Proxy-Connection", FieldId::proxy_connection},
    {"TE", FieldId::te},
    {"Trailer", FieldId::trailer},
    {"Transfer-Encoding", FieldId::transfer_encoding},
    {"Upgrade", FieldId::upgrade},
    {"Via", FieldId::via},
    {"WWW-Authenticate", FieldId::www_authenticate},
    {"X-Forwarded-For", FieldId::x_forwarded_for},
    {"X-Forwarded-Host", FieldId::x_forwarded_host},
    {"X-Forwarded-Proto", FieldId::x_forwarded_proto},
    {"X-Real-IP", FieldId::x_real_ip},
};

TEST(Fields, AreKnownByNameWhateverItsCase) {
  for (const auto& [name, id] : known_names) {
    std::string upper = name;
    std::string lower = name;
    for (std::size_t i = 0; i < name.size(); ++i) {
      upper[i] = static_cast<char>(std::toupper(name[i]));
      lower[i] = static_cast<char>(std::tolower(name[i]));
    }
    EXPECT_EQ(field_id(name), id) << name;
    EXPECT_EQ(field_id(upper), id) << upper;
    EXPECT_EQ(field_id(lower), id) << lower;
  }
}

TEST(Fields, AreOthersWhenOneCharacterDiffers) {
  for (const auto& [name, id] : known_names) {
    for (std::size_t i = 0; i < name.size(); ++i) {
      std::string changed = name;
      changed[i] = name[i] == '~' ? '^' : '~';
      EXPECT_EQ(field_id(changed), FieldId::other) << changed;
    }
    EXPECT_EQ(field_id(name + "s"), FieldId::other);
    EXPECT_EQ(field_id(name.substr(1)), FieldId::other);
  }
  EXPECT_EQ(field_id(""), FieldId::other);
}

TEST(Fields, NamesAreTokensAndInRequestsWithoutUnderscore) {
  for (int byte = 0; byte < 256; ++byte) {
    const char c = static_cast<char>(byte);
    const bool good =
        std::isalnum(byte) != 0 ||
        (byte != 0 && std::string_view("!#$%&'*+-.^`|~").find(c) != std::string_view::npos);
    const std::string name = std::string("X") + c;
    EXPECT_EQ(valid_field_name(HeadKind::request, name), good) << byte;
    EXPECT_EQ(valid_field_name(HeadKind::response, name), good || c == '_') << byte;
  }
  EXPECT_FALSE(valid_field_name(HeadKind::request, ""));
  EXPECT_FALSE(valid_field_name(HeadKind::response, ""));
  EXPECT_FALSE(valid_field_name(HeadKind::request, "Content_Length"));
}

TEST(Fields, ValuesHaveNoControlCharactersButTab) {
  for (std::size_t place = 0; place < 20; ++place) {
    for (int byte = 0; byte < 256; ++byte) {
      std::string value(20, 'v');
      value[place] = static_cast<char>(byte);
      EXPECT_EQ(valid_field_value(value), byte == '\t' || (byte >= 0x20 && byte != 0x7f))
          << byte << " at " << place;
    }
  }
  EXPECT_TRUE(valid_field_value(""));
}

TEST(Fields, CompareAsciiLettersOnlyWhateverTheirCase) {
  for (int a = 0; a < 256; ++a) {
    for (int b = 0; b < 256; ++b) {
      const bool same = a == b || (a < 128 && b < 128 && std::isalpha(a) != 0 &&
                                   std::tolower(a) == std::tolower(b));
      // Once among eight bytes that are compared as a word, once alone behind them.
      const std::string left = std::string("1234567") + static_cast<char>(a);
      const std::string right = std::string("1234567") + static_cast<char>(b);
      EXPECT_EQ(equal_ignoring_case(left, right), same) << a << ' ' << b;
      EXPECT_EQ(equal_ignoring_case("x" + left, "X" + right), same) << a << ' ' << b;
    }
  }
  EXPECT_FALSE(equal_ignoring_case("close", "closed"));
  EXPECT_TRUE(equal_ignoring_case("", ""));
}

}  // namespace
}  // namespace holdfast::http1
