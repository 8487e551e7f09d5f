#pragma once

#include <fmt/format.h>

#include <string>
#include <string_view>

namespace holdfast {

enum class LogLevel { trace, debug, info, warn, error, off };
enum class LogFormat { automatic, text, json };

// The operational log: what a person who runs holdfast must know. Never used per request above
// debug. The one place that sees spdlog. Thread-safe; writes to standard error.
namespace log {

// Called once by main, before any thread is started. `automatic` is text on a terminal, else JSON.
void start(LogLevel level, LogFormat format);

// Nothing is logged before start().
[[nodiscard]] bool enabled(LogLevel level);
void write(LogLevel level, std::string_view line);
// A line that there is no memory for is lost.
void write_formatted(LogLevel level, fmt::string_view format, fmt::format_args arguments);

// "spdlog 1.10.0, fmt 9.1.0": what the log is made with.
[[nodiscard]] std::string library_version();

template <class... Arguments>
void debug(fmt::format_string<Arguments...> format, Arguments&&... arguments) {
  if (enabled(LogLevel::debug)) {
    write_formatted(LogLevel::debug, format, fmt::make_format_args(arguments...));
  }
}

template <class... Arguments>
void info(fmt::format_string<Arguments...> format, Arguments&&... arguments) {
  if (enabled(LogLevel::info)) {
    write_formatted(LogLevel::info, format, fmt::make_format_args(arguments...));
  }
}

template <class... Arguments>
void warn(fmt::format_string<Arguments...> format, Arguments&&... arguments) {
  if (enabled(LogLevel::warn)) {
    write_formatted(LogLevel::warn, format, fmt::make_format_args(arguments...));
  }
}

template <class... Arguments>
void error(fmt::format_string<Arguments...> format, Arguments&&... arguments) {
  if (enabled(LogLevel::error)) {
    write_formatted(LogLevel::error, format, fmt::make_format_args(arguments...));
  }
}

}  // namespace log
}  // namespace holdfast
