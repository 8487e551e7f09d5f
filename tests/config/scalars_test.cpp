#include "config/scalars.h"

#include <gtest/gtest.h>

namespace holdfast {
namespace {

TEST(Durations, AreReadWithTheirUnits) {
  const std::pair<std::string_view, Duration> table[] = {
      {"0", 0ns},        {"0s", 0ns},       {"1ms", 1ms}, {"250ms", 250ms},
      {"5s", 5s},        {"2m", 2min},      {"1h", 1h},   {"1m30s", 90s},
      {"1h0m1s", 3601s}, {"1s1ms", 1001ms}, {"007s", 7s}, {"2562047h", 2562047h},
  };
  for (const auto& [text, expected] : table) {
    const Reading<Duration> read = read_duration(text);
    ASSERT_TRUE(read) << text;
    EXPECT_EQ(*read, expected) << text;
  }
}

TEST(Durations, AreRefusedInAnyOtherForm) {
  for (const std::string_view text : {"",
                                      "5",
                                      "00",
                                      "s",
                                      "5x",
                                      "5 s",
                                      " 5s",
                                      "5s ",
                                      "-5s",
                                      "+5s",
                                      "1.5s",
                                      "1s1m",
                                      "1m1m",
                                      "5S",
                                      "5us",
                                      "1d",
                                      "5sms",
                                      "s5",
                                      "2562048h",
                                      "99999999999999999999s",
                                      "9223372036s9223372036s",
                                      "2562047h60m",
                                      "5s\n"}) {
    EXPECT_FALSE(read_duration(text)) << text;
  }
}

TEST(Durations, AreWrittenAsTheyAreRead) {
  const std::pair<Duration, std::string_view> table[] = {
      {0s, "0"},   {1ms, "1ms"}, {1500ms, "1500ms"}, {75s, "75s"},
      {60s, "1m"}, {1h, "1h"},   {90min, "90m"},
  };
  for (const auto& [duration, expected] : table) {
    EXPECT_EQ(duration_text(duration), expected);
    EXPECT_EQ(*read_duration(expected), duration);
  }
}

TEST(Sizes, AreReadWithTheirUnits) {
  const std::pair<std::string_view, std::uint64_t> table[] = {
      {"0", 0},          {"512b", 512},
      {"16k", 16384},    {"1m", 1 << 20},
      {"1g", 1 << 30},   {"16KiB", 16384},
      {"1MiB", 1 << 20}, {"2GiB", 2ULL << 30},
      {"0k", 0},         {"8589934591g", 8589934591ULL << 30},
  };
  for (const auto& [text, expected] : table) {
    const Reading<std::uint64_t> read = read_size(text);
    ASSERT_TRUE(read) << text;
    EXPECT_EQ(*read, expected) << text;
  }
}

TEST(Sizes, AreRefusedInAnyOtherForm) {
  for (const std::string_view text : {"", "16", "k", "16K", "16kb", "16KB", "1.5m", "-1k", "1 k",
                                      "1k1b", "8589934592g", "99999999999999999999k", "0x10k"}) {
    EXPECT_FALSE(read_size(text)) << text;
  }
}

TEST(Sizes, AreWrittenAsTheyAreRead) {
  const std::pair<std::uint64_t, std::string_view> table[] = {
      {0, "0"},        {1, "1b"},       {1000, "1000b"},    {1024, "1k"},
      {1536, "1536b"}, {1 << 20, "1m"}, {3ULL << 30, "3g"},
  };
  for (const auto& [bytes, expected] : table) {
    EXPECT_EQ(size_text(bytes), expected);
    EXPECT_EQ(*read_size(expected), bytes);
  }
}

TEST(Percentages, AreAWholeNumberAndASign) {
  const std::pair<std::string_view, std::uint64_t> table[] = {
      {"0", 0}, {"0%", 0}, {"7%", 7}, {"100%", 100}, {"007%", 7}};
  for (const auto& [text, expected] : table) {
    const Reading<std::uint64_t> read = read_percentage(text);
    ASSERT_TRUE(read) << text;
    EXPECT_EQ(*read, expected) << text;
  }
  for (const std::string_view text : {"", "%", "10", "10 %", " 10%", "10%%", "-1%", "+1%", "1.5%",
                                      "0.1", "10 percent", "99999999999999999999%", "10%\n"}) {
    EXPECT_FALSE(read_percentage(text)) << text;
  }
}

TEST(Counts, AreDigitsOnly) {
  EXPECT_EQ(*read_count("0"), 0U);
  EXPECT_EQ(*read_count("18446744073709551615"), 18446744073709551615ULL);
  for (const std::string_view text :
       {"", "-1", "+1", "1k", "1.0", " 1", "0x1", "1e3", "1_000", "18446744073709551616"}) {
    EXPECT_FALSE(read_count(text)) << text;
  }
}

TEST(Servers, AreAHostAndAPort) {
  for (const std::string_view text : {"127.0.0.1:80", "app:1", "app.internal:65535", "[::1]:80",
                                      "[fd00::15]:8000", "my_app-1:9000"}) {
    EXPECT_TRUE(read_server(text)) << text;
  }
  for (const std::string_view text : {"",
                                      ":80",
                                      "app",
                                      "app:",
                                      "app:0",
                                      "app:65536",
                                      "app:080080",
                                      "app:http",
                                      "::1:80",
                                      "[::1]",
                                      "[::1:80",
                                      "[x]:80",
                                      "10.0.0.256:80",
                                      "1.2.3:80",
                                      "a b:80",
                                      "a/b:80",
                                      "-app:80",
                                      ".app:80",
                                      "http://app:80",
                                      "user@app:80",
                                      "[127.0.0.1]:80",
                                      "app:80 "}) {
    EXPECT_FALSE(read_server(text)) << text;
  }
}

TEST(ListenAddresses, AreNumericWithAPort) {
  for (const std::string_view text : {":8080", ":0", "127.0.0.1:80", "[::1]:65535", "[::]:80"}) {
    EXPECT_TRUE(read_listen_address(text)) << text;
  }
  for (const std::string_view text :
       {"", "8080", ":65536", "localhost:80", "[::1]", "::1:80", "127.0.0.1", "unix:", ":80x"}) {
    EXPECT_FALSE(read_listen_address(text)) << text;
  }
}

TEST(HostNames, MayHaveAPort) {
  for (const std::string_view text :
       {"www.example.test", "a", "a:80", "[::1]", "[::1]:80", "1.2.3.4"}) {
    EXPECT_TRUE(read_host_name(text)) << text;
  }
  for (const std::string_view text : {"", "a b", "a\r\nX: y", "a/b", "a:", "a:x", "*.a"}) {
    EXPECT_FALSE(read_host_name(text)) << text;
  }
}

}  // namespace
}  // namespace holdfast
