#include "config/diagnostic.h"

#include <fmt/format.h>

#include <algorithm>

namespace holdfast {
namespace {

constexpr std::size_t max_quoted_bytes = 60;
constexpr std::size_t max_source_bytes = 120;

bool continues_a_character(char byte) { return (static_cast<unsigned char>(byte) & 0xc0) == 0x80; }

bool controls_the_terminal(char byte) {
  return static_cast<unsigned char>(byte) < 0x20 || byte == 0x7f;
}

// At most `max_bytes` of the text, cut between two characters.
std::string_view cut(std::string_view text, std::size_t max_bytes) {
  if (text.size() <= max_bytes) {
    return text;
  }
  while (max_bytes > 0 && continues_a_character(text[max_bytes])) {
    --max_bytes;
  }
  return text.substr(0, max_bytes);
}

std::string printable(std::string_view text) {
  std::string result(text);
  std::replace(result.begin(), result.end(), '\t', ' ');
  std::replace_if(result.begin(), result.end(), controls_the_terminal, '?');
  return result;
}

std::string_view line_of(std::string_view source, std::uint32_t line) {
  for (std::uint32_t at = 1; at < line; ++at) {
    const std::size_t end = source.find('\n');
    if (end == std::string_view::npos) {
      return {};
    }
    source.remove_prefix(end + 1);
  }
  source = source.substr(0, source.find('\n'));
  return source.ends_with('\r') ? source.substr(0, source.size() - 1) : source;
}

std::size_t characters(std::string_view text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return !continues_a_character(c); }));
}

std::string_view paint(Severity severity) {
  return severity == Severity::error ? "\x1b[1;31m" : "\x1b[1;35m";
}

}  // namespace

std::string in_quotes(std::string_view text) {
  const std::string_view kept = cut(text, max_quoted_bytes);
  return fmt::format("'{}{}'", printable(kept), kept.size() < text.size() ? "..." : "");
}

std::string headline(const Diagnostic& diagnostic, Colour colour) {
  const Place& place = diagnostic.place;
  std::string where = diagnostic.file;
  if (place.line != 0) {
    where += fmt::format(":{}:{}", place.line, place.column);
  }
  const std::string_view word = diagnostic.severity == Severity::error ? "error" : "warning";
  if (colour == Colour::never) {
    return fmt::format("{}: {}: {}", where, word, diagnostic.message);
  }
  return fmt::format("\x1b[1m{}:\x1b[0m {}{}:\x1b[0m {}", where, paint(diagnostic.severity), word,
                     diagnostic.message);
}

std::string render(const Diagnostic& diagnostic, std::string_view source, Colour colour) {
  std::string text = headline(diagnostic, colour) + '\n';
  const Place& place = diagnostic.place;
  const std::string_view line = line_of(source, place.line);
  if (place.line == 0 || line.empty() || place.column == 0 || place.column > line.size() + 1) {
    return text;
  }
  // A place far to the right in a very long line is shown without what stands before it.
  const std::size_t offset = place.column - 1;
  const std::size_t first = offset + 1 > max_source_bytes ? offset : 0;
  const std::string_view shown = cut(line.substr(first), max_source_bytes);
  const std::string_view before = shown.substr(0, offset - first);
  const std::string_view marked = shown.substr(before.size(), place.width);
  const std::size_t tildes = std::max<std::size_t>(characters(marked), 1) - 1;

  std::string indent;
  for (const char byte : before) {
    if (!continues_a_character(byte)) {
      indent += ' ';
    }
  }
  const std::string caret = '^' + std::string(tildes, '~');
  text += fmt::format("  {}\n", printable(shown));
  text += colour == Colour::never
              ? fmt::format("  {}{}\n", indent, caret)
              : fmt::format("  {}{}{}\x1b[0m\n", indent, paint(diagnostic.severity), caret);
  return text;
}

}  // namespace holdfast
