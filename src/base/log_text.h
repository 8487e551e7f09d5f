#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace holdfast {

// The text as the inside of a JSON string (RFC 8259 section 7), always valid UTF-8: what is not
// becomes U+FFFD, as it may come from a stranger.
[[nodiscard]] std::string json_escaped(std::string_view text);

// The length of the valid UTF-8 sequence at the front of a text (RFC 3629 section 4), or 0.
[[nodiscard]] std::size_t utf8_sequence_bytes(std::string_view text);

// The text with its control characters as \n, \r, \t or \xHH: it stays in its line and cannot
// command a terminal.
[[nodiscard]] std::string one_line(std::string_view text);

}  // namespace holdfast
