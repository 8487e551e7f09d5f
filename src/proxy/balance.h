#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>

#include "proxy/options.h"

namespace holdfast {

// What the choice has to know of one server.
struct Candidate {
  std::size_t load = 0;  // requests that it has or that wait for it
  bool serving = true;   // false: it is set aside
};

inline constexpr std::size_t no_candidate = std::numeric_limits<std::size_t>::max();

// Which of the candidates gets the next request: one that is serving, or no_candidate if none is.
// The turn is where the search begins: with equal loads it decides, so that whoever goes on behind
// the one that was chosen gives all an equal share. Only random_two looks at the random number.
[[nodiscard]] std::size_t choose(Balance balance, std::span<const Candidate> candidates,
                                 std::size_t turn, std::uint64_t random);

}  // namespace holdfast
