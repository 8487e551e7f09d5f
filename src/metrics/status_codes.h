#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace holdfast {

// The status codes that are counted one by one: those that IANA knows, and 499 for a client that
// left before it had any. The others are counted by their class, so that no backend can make as
// many series as it likes.
inline constexpr std::array<std::uint16_t, 63> counted_codes{
    100, 101, 102, 103, 200, 201, 202, 203, 204, 205, 206, 207, 208, 226, 300, 301,
    302, 303, 304, 305, 307, 308, 400, 401, 402, 403, 404, 405, 406, 407, 408, 409,
    410, 411, 412, 413, 414, 415, 416, 417, 421, 422, 423, 424, 425, 426, 428, 429,
    431, 451, 499, 500, 501, 502, 503, 504, 505, 506, 507, 508, 510, 511, 520};
inline constexpr std::array<std::string_view, 6> code_classes{"1xx", "2xx", "3xx",
                                                              "4xx", "5xx", "other"};
inline constexpr std::size_t code_slots = counted_codes.size() + code_classes.size();

inline constexpr std::size_t first_code = 100;
inline constexpr std::size_t end_of_codes = 600;

constexpr auto make_slots() {
  std::array<std::uint8_t, end_of_codes - first_code> slots{};
  for (std::size_t i = 0; i < slots.size(); ++i) {
    slots[i] = static_cast<std::uint8_t>(counted_codes.size() + i / 100);
  }
  for (std::size_t i = 0; i < counted_codes.size(); ++i) {
    slots[counted_codes[i] - first_code] = static_cast<std::uint8_t>(i);
  }
  return slots;
}

inline constexpr auto slots_of_codes = make_slots();

// Where a status is counted. 0, no answer at all, counts as 499.
[[nodiscard]] constexpr std::size_t code_slot(int status) {
  const std::size_t code = status == 0 ? 499 : static_cast<std::size_t>(status);
  return code >= first_code && code < end_of_codes ? slots_of_codes[code - first_code]
                                                   : code_slots - 1;
}

}  // namespace holdfast
