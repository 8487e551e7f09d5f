#include "base/log.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <iterator>
#include <regex>
#include <string>
#include <thread>
#include <vector>

#include "base/log_text.h"

namespace holdfast {
namespace {

// What `write` puts on standard error while the log runs with this level and format.
template <class Write>
std::string logged(LogLevel level, LogFormat format, Write write) {
  testing::internal::CaptureStderr();
  log::start(level, format);
  write();
  log::start(LogLevel::off, LogFormat::text);
  return testing::internal::GetCapturedStderr();
}

TEST(Log, WritesALineOfText) {
  const std::string line =
      logged(LogLevel::info, LogFormat::text, [] { log::info("listening on {}", ":8080"); });
  EXPECT_TRUE(std::regex_match(
      line, std::regex(R"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z info  listening on :8080\n)")))
      << line;
}

TEST(Log, WritesALineOfJson) {
  const std::string line =
      logged(LogLevel::info, LogFormat::json, [] { log::warn("a \"quoted\" word\n"); });
  EXPECT_TRUE(std::regex_match(
      line, std::regex(R"re(\{"time":"[0-9T:.Z-]{24}","level":"warn","message":"(.*)"\}\n)re")))
      << line;
  EXPECT_NE(line.find(R"(a \"quoted\" word\n)"), std::string::npos) << line;
}

TEST(Log, IsJsonWhereThereIsNoTerminal) {
  const std::string line = logged(LogLevel::info, LogFormat::automatic, [] { log::info("hello"); });
  EXPECT_TRUE(line.starts_with('{')) << line;
}

TEST(Log, LeavesOutWhatIsLessImportant) {
  const auto write_all = [] {
    log::debug("debug");
    log::info("info");
    log::warn("warn");
    log::error("error");
  };
  const auto lines = [&](LogLevel level) {
    const std::string text = logged(level, LogFormat::text, write_all);
    return std::count(text.begin(), text.end(), '\n');
  };
  EXPECT_EQ(lines(LogLevel::trace), 4);
  EXPECT_EQ(lines(LogLevel::debug), 4);
  EXPECT_EQ(lines(LogLevel::info), 3);
  EXPECT_EQ(lines(LogLevel::warn), 2);
  EXPECT_EQ(lines(LogLevel::error), 1);
  EXPECT_EQ(lines(LogLevel::off), 0);
}

TEST(Log, KeepsAMessageOnOneLine) {
  const std::string text =
      logged(LogLevel::info, LogFormat::text, [] { log::info("a\nb\r\x1b[31mc\x7f"); });
  EXPECT_NE(text.find(R"(a\nb\r\x1b[31mc\x7f)"), std::string::npos) << text;
}

TEST(Log, TakesAMessageForNoFormat) {
  const std::string text =
      logged(LogLevel::info, LogFormat::text, [] { log::write(LogLevel::info, "{} %s {0"); });
  EXPECT_NE(text.find("{} %s {0"), std::string::npos) << text;
}

TEST(Log, KeepsLinesOfSeveralThreadsApart) {
  constexpr int threads = 4;
  constexpr int lines = 200;
  const std::string text = logged(LogLevel::info, LogFormat::text, [] {
    std::vector<std::thread> writers;
    for (int i = 0; i < threads; ++i) {
      writers.emplace_back([] {
        for (int line = 0; line < lines; ++line) {
          log::info("{}", std::string(200, 'x'));
        }
      });
    }
    for (std::thread& writer : writers) {
      writer.join();
    }
  });
  const std::regex line(R"([^ ]+ info  x{200}\n)");
  const auto count =
      std::distance(std::sregex_iterator(text.begin(), text.end(), line), std::sregex_iterator());
  EXPECT_EQ(count, threads * lines);
}

TEST(JsonText, IsEscaped) {
  const std::pair<std::string_view, std::string_view> table[] = {
      {"plain", "plain"},       {R"("\)", R"(\"\\)"},
      {"\n\r\t", R"(\n\r\t)"},  {{"\0\x01\x1f\x7f", 4}, R"(\u0000\u0001\u001f\u007f)"},
      {"größe €𝄞", "größe €𝄞"},
  };
  for (const auto& [text, expected] : table) {
    EXPECT_EQ(json_escaped(text), expected);
  }
}

TEST(JsonText, IsAlwaysValidUtf8) {
  const std::pair<std::string_view, std::string_view> table[] = {
      {"a\xff", R"(a\ufffd)"},
      {"\xc3", R"(\ufffd)"},
      {"\xc3(", R"(\ufffd()"},
      {"\xc0\xaf", R"(\ufffd\ufffd)"},                      // overlong
      {"\xe0\x80\xaf", R"(\ufffd\ufffd\ufffd)"},            // overlong
      {"\xed\xa0\x80", R"(\ufffd\ufffd\ufffd)"},            // a surrogate
      {"\xf4\x90\x80\x80", R"(\ufffd\ufffd\ufffd\ufffd)"},  // above U+10FFFF
      {"\xe2\x82", R"(\ufffd\ufffd)"},                      // cut off
  };
  for (const auto& [text, expected] : table) {
    EXPECT_EQ(json_escaped(text), expected);
  }
}

}  // namespace
}  // namespace holdfast
