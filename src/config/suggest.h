#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string_view>

namespace holdfast {

// How long a list may be.
inline constexpr std::size_t max_candidates = 100;

// The candidate that `word` is most likely a slip of the fingers for: the nearest by insertions,
// deletions, replacements and swaps of neighbours, if it is near enough. Case and the difference
// between '-' and '_' count for nothing. Bounded in time: long words and long lists get none.
[[nodiscard]] std::optional<std::string_view> nearest(std::string_view word,
                                                      std::span<const std::string_view> candidates);

}  // namespace holdfast
