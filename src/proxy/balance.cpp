#include "proxy/balance.h"

#include <algorithm>

namespace holdfast {
namespace {

using Candidates = std::span<const Candidate>;

// Calls visit(number) for each candidate once, beginning with the one whose turn it is.
template <class Visit>
void go_round(Candidates candidates, std::size_t turn, Visit&& visit) {
  std::size_t at = turn < candidates.size() ? turn : 0;
  for (std::size_t left = candidates.size(); left > 0; --left) {
    visit(at);
    at = at + 1 == candidates.size() ? 0 : at + 1;
  }
}

std::size_t next_in_turn(Candidates candidates, std::size_t turn) {
  std::size_t next = no_candidate;
  go_round(candidates, turn, [&](std::size_t at) {
    if (next == no_candidate && candidates[at].serving) {
      next = at;
    }
  });
  return next;
}

std::size_t least_loaded(Candidates candidates, std::size_t turn) {
  std::size_t least = no_candidate;
  go_round(candidates, turn, [&](std::size_t at) {
    if (candidates[at].serving &&
        (least == no_candidate || candidates[at].load < candidates[least].load)) {
      least = at;
    }
  });
  return least;
}

// The one that serves as the `number`th.
std::size_t serving_as(Candidates candidates, std::size_t number) {
  for (std::size_t at = 0; at < candidates.size(); ++at) {
    if (candidates[at].serving && number-- == 0) {
      return at;
    }
  }
  return no_candidate;
}

// Scales 32 random bits to a number below the bound.
std::size_t scale(std::uint64_t random_bits, std::size_t bound) {
  return static_cast<std::size_t>(((random_bits & 0xffffffff) * bound) >> 32);
}

// Two different ones are drawn, each as likely as any other, and the less loaded one is taken.
std::size_t better_of_two(Candidates candidates, std::uint64_t random) {
  const auto serving = static_cast<std::size_t>(std::count_if(
      candidates.begin(), candidates.end(), [](const Candidate& c) { return c.serving; }));
  if (serving < 2) {
    return serving_as(candidates, 0);
  }
  const std::size_t one = scale(random, serving);
  const std::size_t step = 1 + scale(random >> 32, serving - 1);
  const std::size_t first = serving_as(candidates, one);
  const std::size_t second = serving_as(candidates, (one + step) % serving);
  return candidates[second].load < candidates[first].load ? second : first;
}

}  // namespace

std::size_t choose(Balance balance, Candidates candidates, std::size_t turn, std::uint64_t random) {
  switch (balance) {
    case Balance::round_robin:
      return next_in_turn(candidates, turn);
    case Balance::least_connections:
      return least_loaded(candidates, turn);
    case Balance::random_two:
      return better_of_two(candidates, random);
  }
  return no_candidate;
}

}  // namespace holdfast
