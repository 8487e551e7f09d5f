#include "codec/http1/target.h"

#include <gtest/gtest.h>

#include <string>

namespace holdfast::http1 {
namespace {

// "path at authority", or the name of the refusal.
std::string read(Method method, std::string_view text) {
  const Result<Target> target = read_target(method, text);
  if (!target) {
    return std::string(error_row(target.error().code).name);
  }
  return std::string(target->path) + " at " + std::string(target->authority);
}

// A target with this authority.
Target at(std::string_view authority, std::string_view default_port = "80") {
  return {"/", authority, default_port};
}

const std::string refused = "http_request_error";

TEST(Target, IsTakenApartByItsForm) {
  const struct {
    Method method;
    std::string_view text;
    std::string_view expected;
  } rows[] = {
      {Method::get, "/", "/ at "},
      {Method::get, "/a/b?c=d&e", "/a/b?c=d&e at "},
      {Method::get, "//double", "//double at "},
      {Method::get, "/%zz%00", "/%zz%00 at "},
      {Method::get, "/\"{}|^`", "/\"{}|^` at "},
      {Method::options, "*", "* at "},
      {Method::get, "http://a", "/ at a"},
      {Method::get, "HTTPS://a:443/x?y", "/x?y at a:443"},
      {Method::get, "http://[::1]:80/x", "/x at [::1]:80"},
      {Method::get, "http://a?b=c", "?b=c at a"},
      {Method::options, "http://a", "* at a"},
      {Method::options, "http://a/", "/ at a"},
  };
  for (const auto& row : rows) {
    EXPECT_EQ(read(row.method, row.text), row.expected) << row.text;
  }
}

TEST(Target, IsRefusedInAnyOtherForm) {
  const std::string_view rows[] = {
      "",
      "a",
      "a/b",
      "*",
      "**",
      "?q",
      "/a#b",
      "/a\x7f",
      "/\xc3\xa4",
      "/a\tb",
      "ftp://a/x",
      "http:/a",
      "http://",
      "http:///x",
      "http://u@a/",
      "http://u:p@a/x",
      "http://a,b/",
      "http://a:x/",
      "http://a:99999/",
      "a:443",
      "http://[::1/",
      "http://a b/",
  };
  for (const std::string_view row : rows) {
    EXPECT_EQ(read(Method::get, row), refused) << row;
  }
  EXPECT_EQ(read(Method::options, "*abc"), refused);
  EXPECT_EQ(read(Method::options, "/*#"), refused);
}

TEST(Host, IsAHostAndPerhapsAPort) {
  for (const std::string_view host :
       {"a", "example.test", "example.test:8080", "a:", "127.0.0.1:1", "[::1]", "[::1]:65535",
        "under_score", "%41", "x--y.z", "xn--bcher-kva.example", "a:0"}) {
    EXPECT_TRUE(valid_host(host)) << host;
  }
}

TEST(Host, IsRefusedWhenTwoReadersCouldDiffer) {
  for (const std::string_view host :
       {"",        ":80",     "a,b",  "a b",  "u@a",  "u:p@a", "a/b",   "a?b",    "a#b",
        "a:80:80", "a:65536", "a:+1", "[::1", "::1",  "[]",    "[a b]", "[::1]x", "[::1]:x",
        "%",       "%4",      "%zz",  "a\"b", "a\\b", "<a>",   "\xff",  "a\x7f"}) {
    EXPECT_FALSE(valid_host(host)) << host;
  }
}

TEST(Host, OfTheTargetMustBeTheOneOfTheField) {
  const Field field{"Host", "Example.test", FieldId::host};
  EXPECT_EQ(choose_host(Version::http11, at("example.TEST"), &field), "example.TEST");
  EXPECT_EQ(choose_host(Version::http11, at(""), &field), "Example.test");
  EXPECT_FALSE(choose_host(Version::http11, at("example.test:81"), &field));
  EXPECT_FALSE(choose_host(Version::http11, at("other.test"), &field));
  EXPECT_FALSE(choose_host(Version::http11, at("example.test.other"), &field));
}

TEST(Host, MaySpellOutThePortThatTheSchemeImplies) {
  const struct {
    std::string_view authority;
    std::string_view field;
    std::string_view default_port;
    bool same;
  } rows[] = {
      {"a:80", "a", "80", true},         {"a", "a:80", "80", true},
      {"a:", "a", "80", true},           {"a", "a:", "443", true},
      {"a:443", "A", "443", true},       {"a:443", "a", "80", false},
      {"a:80", "a", "443", false},       {"a:8", "a:80", "80", false},
      {"[::1]:80", "[::1]", "80", true}, {"[::1]:81", "[::1]", "80", false},
      {"[::1]", "[::2]", "80", false},   {"a:080", "a", "80", false},
  };
  for (const auto& row : rows) {
    const Field field{"Host", row.field, FieldId::host};
    const auto host = choose_host(Version::http11, at(row.authority, row.default_port), &field);
    EXPECT_EQ(host.has_value(), row.same) << row.authority << " and " << row.field;
    EXPECT_TRUE(!row.same || *host == row.authority);
  }
}

TEST(Host, MayBeMissingInHttp10Only) {
  EXPECT_FALSE(choose_host(Version::http11, at("a"), nullptr));
  EXPECT_FALSE(choose_host(Version::http11, at(""), nullptr));
  EXPECT_EQ(choose_host(Version::http10, at("a"), nullptr), "a");
  EXPECT_EQ(choose_host(Version::http10, at(""), nullptr), "");
}

}  // namespace
}  // namespace holdfast::http1
