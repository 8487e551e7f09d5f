#pragma once

#include <cstdint>
#include <string>

#include "proxy/counters.h"
#include "simulation/scene.h"
#include "simulation/world.h"

namespace holdfast {

// What one run, or many, have come to.
struct SimResult {
  std::uint64_t seed = 0;
  std::uint64_t exchanges = 0;
  std::uint64_t steps = 0;
  std::uint64_t digest = 0;
  std::string broken;  // the first rule that was, or empty
  SimTally tally;
  Counters counters;

  void add(const SimResult& other);
};

// One run. Should it end the process, the seed is told first.
[[nodiscard]] SimResult simulate_seed(std::uint64_t seed, std::uint64_t exchanges,
                                      SimWorld::Tells tells = SimWorld::Tells::no);

// How to repeat a run, for people.
[[nodiscard]] std::string how_to_repeat(std::uint64_t seed, std::uint64_t exchanges);

// All that was counted, as a table.
void print_table(const SimResult& result);

}  // namespace holdfast
