#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace holdfast {

// Where something stands in a configuration file. Lines and columns count from 1, columns in bytes.
// Line 0 means the file as a whole.
struct Place {
  std::uint32_t line = 0;
  std::uint32_t column = 0;
  std::uint32_t width = 1;  // bytes to underline

  friend bool operator==(const Place&, const Place&) = default;
};

enum class Severity : std::uint8_t { error, warning };
enum class Colour : std::uint8_t { never, always };

// One thing that is wrong with a configuration, and where.
struct Diagnostic {
  Severity severity = Severity::error;
  std::string file;
  Place place;
  std::string message;
};

// "file:line:column: error: message", or "file: error: message" where there is no line.
[[nodiscard]] std::string headline(const Diagnostic& diagnostic, Colour colour);

// The headline, the line of `source` it is about, and a caret below the place. Ends with a newline.
[[nodiscard]] std::string render(const Diagnostic& diagnostic, std::string_view source,
                                 Colour colour);

// A piece of foreign text in single quotes: control characters replaced and the length bounded, so
// that a hostile file cannot write to the terminal.
[[nodiscard]] std::string in_quotes(std::string_view text);

}  // namespace holdfast
