#include "base/log.h"

#include <fmt/chrono.h>
#include <spdlog/formatter.h>
#include <spdlog/logger.h>
#include <spdlog/sinks/base_sink.h>
#include <spdlog/spdlog.h>
#include <spdlog/version.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstddef>
#include <ctime>
#include <iterator>
#include <memory>
#include <mutex>
#include <string>

#include "base/line_writer.h"
#include "base/log_text.h"
#include "base/memory.h"

namespace holdfast::log {
namespace {

constexpr std::string_view logger_name = "holdfast";

spdlog::level::level_enum level_of(LogLevel level) {
  switch (level) {
    case LogLevel::trace:
      return spdlog::level::trace;
    case LogLevel::debug:
      return spdlog::level::debug;
    case LogLevel::info:
      return spdlog::level::info;
    case LogLevel::warn:
      return spdlog::level::warn;
    case LogLevel::error:
      return spdlog::level::err;
    case LogLevel::off:
      break;
  }
  return spdlog::level::off;
}

std::string_view name_of(spdlog::level::level_enum level) {
  constexpr std::array<std::string_view, spdlog::level::n_levels> names = {
      "trace", "debug", "info", "warn", "error", "error", "off"};
  return names[static_cast<std::size_t>(level)];
}

// RFC 3339 in UTC, with milliseconds.
std::string stamp_of(spdlog::log_clock::time_point time) {
  const auto milliseconds = std::chrono::floor<std::chrono::milliseconds>(time);
  const auto seconds = std::chrono::floor<std::chrono::seconds>(milliseconds);
  const std::tm utc = fmt::gmtime(spdlog::log_clock::to_time_t(seconds));
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:03}Z", utc, (milliseconds - seconds).count());
}

// One line per message, whatever the message holds: nobody can forge a second one.
class TextFormatter final : public spdlog::formatter {
 public:
  void format(const spdlog::details::log_msg& message, spdlog::memory_buf_t& out) override {
    fmt::format_to(std::back_inserter(out), "{} {:<5} {}\n", stamp_of(message.time),
                   name_of(message.level),
                   one_line({message.payload.data(), message.payload.size()}));
  }
  [[nodiscard]] std::unique_ptr<spdlog::formatter> clone() const override {
    return std::make_unique<TextFormatter>();
  }
};

// One JSON object per line.
class JsonFormatter final : public spdlog::formatter {
 public:
  void format(const spdlog::details::log_msg& message, spdlog::memory_buf_t& out) override {
    fmt::format_to(std::back_inserter(out),
                   R"({{"time":"{}","level":"{}","message":"{}"}})"
                   "\n",
                   stamp_of(message.time), name_of(message.level),
                   json_escaped({message.payload.data(), message.payload.size()}));
  }
  [[nodiscard]] std::unique_ptr<spdlog::formatter> clone() const override {
    return std::make_unique<JsonFormatter>();
  }
};

std::unique_ptr<spdlog::formatter> formatter_for(LogFormat format) {
  const bool as_text =
      format == LogFormat::text || (format == LogFormat::automatic && ::isatty(STDERR_FILENO) == 1);
  if (as_text) {
    return std::make_unique<TextFormatter>();
  }
  return std::make_unique<JsonFormatter>();
}

// Standard error, which may be a full disk or a pipe that nobody reads. The first line that gets
// through again is preceded by one that says how many did not.
class StandardError final : public spdlog::sinks::base_sink<std::mutex> {
 protected:
  void sink_it_(const spdlog::details::log_msg& message) override {
    if (lost_ != 0) {
      const std::string text = fmt::format("{} log lines were lost before this one", lost_);
      if (put({message.time, {}, message.logger_name, spdlog::level::warn, text})) {
        lost_ = 0;
      }
    }
    static_cast<void>(put(message));
    lost_ += writer_.take_lost();
  }
  void flush_() override {}

 private:
  [[nodiscard]] bool put(const spdlog::details::log_msg& message) {
    spdlog::memory_buf_t line;
    formatter_->format(message, line);
    return writer_.write({line.data(), line.size()});
  }

  LineWriter writer_{STDERR_FILENO};
  std::size_t lost_ = 0;
};

// spdlog keeps the one logger of the program, so that this file need not. Before start() that is
// its own, which would write to standard output; nothing is logged then.
bool started(const spdlog::logger& logger) { return logger.name() == logger_name; }

}  // namespace

void start(LogLevel level, LogFormat format) {
  spdlog::drop(std::string(logger_name));
  auto logger = spdlog::create<StandardError>(std::string(logger_name));
  logger->set_formatter(formatter_for(format));
  logger->set_level(level_of(level));
  spdlog::set_default_logger(std::move(logger));
}

bool enabled(LogLevel level) {
  const spdlog::logger& logger = *spdlog::default_logger_raw();
  return level != LogLevel::off && logger.should_log(level_of(level)) && started(logger);
}

void write(LogLevel level, std::string_view line) {
  if (enabled(level)) {
    // A string_view is logged as it stands; it is no format.
    spdlog::default_logger_raw()->log(level_of(level), spdlog::string_view_t(line));
  }
}

void write_formatted(LogLevel level, fmt::string_view format, fmt::format_args arguments) {
  static_cast<void>(has_memory_for([&] { write(level, fmt::vformat(format, arguments)); }));
}

std::string library_version() {
  return fmt::format("spdlog {}.{}.{}, fmt {}.{}.{}", SPDLOG_VER_MAJOR, SPDLOG_VER_MINOR,
                     SPDLOG_VER_PATCH, FMT_VERSION / 10000, FMT_VERSION / 100 % 100,
                     FMT_VERSION % 100);
}

}  // namespace holdfast::log
