#pragma once

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#include <array>
#include <bit>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <type_traits>

namespace holdfast::http1 {

// The character classes of the HTTP/1.x grammar, one bit each (RFC 9110 section 5.6, RFC 3986).
inline constexpr std::uint8_t token_character = 1;
inline constexpr std::uint8_t target_character = 2;
inline constexpr std::uint8_t host_character = 4;
inline constexpr std::uint8_t name_character = 8;  // of a request's field name: no underscore

// The classes of each byte.
inline constexpr std::array<std::uint8_t, 256> character_classes = [] {
  std::array<std::uint8_t, 256> classes{};
  const auto add = [&classes](std::string_view characters, int class_bits) {
    for (const char c : characters) {
      auto& bits = classes[static_cast<unsigned char>(c)];
      bits = static_cast<std::uint8_t>(bits | class_bits);
    }
  };
  add("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789",
      token_character | host_character | name_character);
  add("!#$%&'*+-.^`|~", token_character | name_character);
  add("_", token_character);
  // reg-name (RFC 3986 section 3.2.2) but for the comma, which makes a list of a host.
  add("-._~!$&'()*+;=%", host_character);
  for (char c = 0x21; c < 0x7f; ++c) {
    if (c != '#') {
      add(std::string_view(&c, 1), target_character);
    }
  }
  return classes;
}();

[[nodiscard]] constexpr bool has_class(char c, std::uint8_t class_bit) {
  return (character_classes[static_cast<unsigned char>(c)] & class_bit) != 0;
}

#if defined(__SSE2__)
// True if the text is made of letters, digits, `-` and `.` only, which are of every class, and not
// very short. Looks at sixteen bytes at a time; of the last ones some twice.
[[nodiscard]] inline bool all_common(std::string_view text) {
  constexpr std::size_t half = 8;
  constexpr std::size_t quarter = 4;
  const auto common = [](__m128i block) {
    const auto within = [](__m128i from_first, char count) {
      return _mm_cmpeq_epi8(_mm_min_epu8(from_first, _mm_set1_epi8(count)), from_first);
    };
    const __m128i lowered = _mm_or_si128(block, _mm_set1_epi8(0x20));
    const __m128i letters = within(_mm_sub_epi8(lowered, _mm_set1_epi8('a')), 'z' - 'a');
    const __m128i digits = within(_mm_sub_epi8(block, _mm_set1_epi8('0')), '9' - '0');
    const __m128i marks = within(_mm_sub_epi8(block, _mm_set1_epi8('-')), '.' - '-');
    return _mm_movemask_epi8(_mm_or_si128(letters, _mm_or_si128(digits, marks))) == 0xffff;
  };
  const char* at = text.data();
  if (text.size() >= sizeof(__m128i)) {
    const char* last = at + text.size() - sizeof(__m128i);
    for (; at < last; at += sizeof(__m128i)) {
      if (!common(_mm_loadu_si128(reinterpret_cast<const __m128i*>(at)))) {
        return false;
      }
    }
    return common(_mm_loadu_si128(reinterpret_cast<const __m128i*>(last)));
  }
  std::uint64_t first = 0;
  std::uint64_t last = 0;
  if (text.size() >= half) {
    std::memcpy(&first, at, half);
    std::memcpy(&last, at + text.size() - half, half);
  } else if (text.size() >= quarter) {
    std::memcpy(&first, at, quarter);
    std::memcpy(&last, at + text.size() - quarter, quarter);
    first = last = first << 32 | last;
  } else {
    return false;
  }
  return common(_mm_set_epi64x(static_cast<std::int64_t>(first), static_cast<std::int64_t>(last)));
}
#endif

// True if each byte of the text is of the class. True for empty text.
[[nodiscard]] constexpr bool all_of_class(std::string_view text, std::uint8_t class_bit) {
#if defined(__SSE2__)
  if (!std::is_constant_evaluated() && all_common(text)) {
    return true;
  }
#endif
  std::uint8_t common = class_bit;
  for (const char c : text) {
    common = static_cast<std::uint8_t>(common & character_classes[static_cast<unsigned char>(c)]);
  }
  return common != 0;
}

[[nodiscard]] constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }

// OWS is made of these two (RFC 9110 section 5.6.3).
[[nodiscard]] constexpr bool is_blank(char c) { return c == ' ' || c == '\t'; }

[[nodiscard]] constexpr char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
}

// The value of a HEXDIG, or -1.
[[nodiscard]] constexpr int hex_value(char c) {
  if (is_digit(c)) {
    return c - '0';
  }
  const char letter = lower(c);
  return letter >= 'a' && letter <= 'f' ? letter - 'a' + 10 : -1;
}

// The text without blanks at both ends.
[[nodiscard]] constexpr std::string_view trim_blanks(std::string_view text) {
  while (!text.empty() && is_blank(text.front())) {
    text.remove_prefix(1);
  }
  while (!text.empty() && is_blank(text.back())) {
    text.remove_suffix(1);
  }
  return text;
}

// The index of the first control character (HTAB and DEL are some) at or behind `from`, or the
// size. Looks at many bytes at a time, since every byte of every head goes through here.
[[nodiscard]] inline std::size_t find_control(std::string_view bytes, std::size_t from) {
#if defined(__SSE2__)
  const __m128i space = _mm_set1_epi8(0x20);
  const __m128i del = _mm_set1_epi8(0x7f);
  while (from + sizeof(__m128i) <= bytes.size()) {
    const __m128i block = _mm_loadu_si128(reinterpret_cast<const __m128i*>(bytes.data() + from));
    const __m128i text = _mm_cmpeq_epi8(_mm_max_epu8(block, space), block);
    const __m128i sound = _mm_andnot_si128(_mm_cmpeq_epi8(block, del), text);
    const auto found = ~static_cast<unsigned>(_mm_movemask_epi8(sound)) & 0xffffU;
    if (found != 0) {
      return from + static_cast<std::size_t>(std::countr_zero(found));
    }
    from += sizeof(__m128i);
  }
#endif
  constexpr std::uint64_t ones = 0x0101010101010101;
  constexpr std::uint64_t highs = 0x8080808080808080;
  while (from + sizeof(std::uint64_t) <= bytes.size()) {
    std::uint64_t word = 0;
    std::memcpy(&word, bytes.data() + from, sizeof(word));
    const std::uint64_t below_space = (word - ones * 0x20) & ~word & highs;
    const std::uint64_t deletes = word ^ (ones * 0x7f);
    const std::uint64_t any_delete = (deletes - ones) & ~deletes & highs;
    const std::uint64_t found = below_space | any_delete;
    if (found != 0) {
      // A borrow can mark bytes above the first one that is meant, never below.
      if constexpr (std::endian::native == std::endian::little) {
        return from + static_cast<std::size_t>(std::countr_zero(found)) / 8;
      }
      break;
    }
    from += sizeof(word);
  }
  while (from < bytes.size()) {
    const auto c = static_cast<unsigned char>(bytes[from]);
    if (c < 0x20 || c == 0x7f) {
      break;
    }
    ++from;
  }
  return from;
}

}  // namespace holdfast::http1
