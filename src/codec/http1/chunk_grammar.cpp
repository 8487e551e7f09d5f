#include "codec/http1/chunk_grammar.h"

#include <limits>

#include "codec/http1/characters.h"

namespace holdfast::http1 {
namespace {

constexpr std::string_view coding_name = "transfer-encoding";
constexpr std::uint8_t another_name = coding_name.size() + 1;
constexpr std::uint64_t max_size = std::numeric_limits<std::int64_t>::max();

bool is_text(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return c == '\t' || (byte >= 0x20 && byte != 0x7f);
}

}  // namespace

bool ChunkGrammar::take_framing(std::string_view bytes) {
  for (const char c : bytes) {
    ++framing_;
    if (!take(c) || wastes()) {
      return false;
    }
  }
  return true;
}

// More framing than the payload justifies.
bool ChunkGrammar::wastes() const {
  return framing_ > max_framing_excess_bytes &&
         (framing_ - max_framing_excess_bytes) / static_cast<std::uint64_t>(from_) > announced_;
}

bool ChunkGrammar::take_payload(std::size_t bytes) {
  if (place_ != Place::payload || bytes > left_) {
    return false;
  }
  left_ -= bytes;
  if (left_ == 0) {
    place_ = Place::payload_cr;
  }
  return true;
}

bool ChunkGrammar::take(char c) {
  switch (place_) {
    case Place::size:
      return take_size(c);
    case Place::extension_start:
    case Place::extension_name:
    case Place::value_start:
    case Place::value:
    case Place::quoted:
    case Place::quoted_pair:
    case Place::quoted_end:
      return take_extension(c);
    case Place::size_lf:
      return c == '\n' && end_size_line();
    case Place::payload_cr:
      return take_only(c, '\r', Place::payload_lf);
    case Place::payload_lf:
      return take_only(c, '\n', Place::size);
    case Place::trailer_start:
    case Place::trailer_name:
    case Place::trailer_value:
      return take_trailer(c);
    case Place::trailer_lf:
      return take_only(c, '\n', Place::trailer_start);
    case Place::last_lf:
      return take_only(c, '\n', Place::complete);
    case Place::payload:
    case Place::complete:
      return false;
  }
  return false;
}

bool ChunkGrammar::take_only(char c, char due, Place next) {
  place_ = next;
  return c == due;
}

bool ChunkGrammar::take_size(char c) {
  const int value = hex_value(c);
  if (value >= 0) {
    left_ = left_ * 16 + static_cast<std::uint64_t>(value);
    return ++digits_ <= max_chunk_size_digits;
  }
  // No blank stands here: it may before an extension (BWS), but too many read it otherwise.
  place_ = c == ';' ? Place::extension_start : Place::size_lf;
  extension_ = 0;
  return digits_ > 0 && (c == ';' || c == '\r');
}

bool ChunkGrammar::take_extension(char c) {
  if (c != '\r') {
    ++extension_;
    ++extensions_;
  }
  return follow_extension(c) && extension_ <= max_extension_bytes &&
         extensions_ <= max_extensions_bytes;
}

// chunk-ext without its blanks: *( ";" token [ "=" ( token / quoted-string ) ] ).
bool ChunkGrammar::follow_extension(char c) {
  const bool in_token = has_class(c, token_character);
  switch (place_) {
    case Place::extension_start:
      place_ = Place::extension_name;
      return in_token;
    case Place::extension_name:
      if (c == '=') {
        place_ = Place::value_start;
        return true;
      }
      return in_token || end_extension(c);
    case Place::value_start:
      place_ = c == '"' ? Place::quoted : Place::value;
      return c == '"' || in_token;
    case Place::value:
      return in_token || end_extension(c);
    case Place::quoted:
      place_ = c == '"' ? Place::quoted_end : c == '\\' ? Place::quoted_pair : Place::quoted;
      return is_text(c);
    case Place::quoted_pair:
      place_ = Place::quoted;
      return is_text(c);
    case Place::quoted_end:
      return end_extension(c);
    case Place::size:
    case Place::size_lf:
    case Place::payload:
    case Place::payload_cr:
    case Place::payload_lf:
    case Place::trailer_start:
    case Place::trailer_name:
    case Place::trailer_value:
    case Place::trailer_lf:
    case Place::last_lf:
    case Place::complete:
      return false;
  }
  return false;
}

// What may stand behind an extension: another one, or the end of the line.
bool ChunkGrammar::end_extension(char c) {
  place_ = c == ';' ? Place::extension_start : Place::size_lf;
  return c == ';' || c == '\r';
}

bool ChunkGrammar::end_size_line() {
  if (left_ > max_size - announced_) {
    return false;
  }
  announced_ += left_;
  digits_ = 0;
  place_ = left_ > 0 ? Place::payload : Place::trailer_start;
  return true;
}

bool ChunkGrammar::take_trailer(char c) {
  if (place_ == Place::trailer_start) {
    if (c == '\r') {
      place_ = Place::last_lf;
      return true;
    }
    place_ = Place::trailer_name;
    spelled_ = 0;
    if (!has_class(c, token_character)) {
      return false;
    }
  }
  if (place_ == Place::trailer_value && c == '\r') {
    place_ = Place::trailer_lf;
    return true;
  }
  if (++trailers_ > max_trailer_bytes) {
    return false;
  }
  if (place_ == Place::trailer_value) {
    return is_text(c);
  }
  if (c == ':') {
    place_ = Place::trailer_value;
    return spelled_ != coding_name.size();
  }
  const bool spells_on = spelled_ < coding_name.size() && lower(c) == coding_name[spelled_];
  spelled_ = spells_on ? static_cast<std::uint8_t>(spelled_ + 1) : another_name;
  return has_class(c, token_character);
}

}  // namespace holdfast::http1
