#include <gtest/gtest.h>

#include "simulation/runs.h"

namespace holdfast {
namespace {

// Enough for every kind of failure and every reason to retire a connection to come up.
constexpr std::uint64_t standard_seeds = 50;
constexpr std::uint64_t standard_exchanges = 1000;

class Simulation : public testing::Test {
 protected:
  static SimResult run(std::uint64_t first, std::uint64_t seeds) {
    SimResult all;
    for (std::uint64_t seed = first; seed < first + seeds && all.broken.empty(); ++seed) {
      all.add(simulate_seed(seed, standard_exchanges));
    }
    EXPECT_EQ(all.broken, "") << how_to_repeat(all.seed, standard_exchanges);
    return all;
  }
};

// Here there is always a route, a server that is given as an address, memory, and a place for a
// client, and a process that ends lets its clients go. What this machine is short of only delays a
// request, mostly.
bool always_occurs(ErrorCode code) {
  return code != ErrorCode::shutting_down && code != ErrorCode::out_of_memory &&
         code != ErrorCode::overloaded && code != ErrorCode::out_of_ports &&
         code != ErrorCode::out_of_descriptors && code != ErrorCode::local_failure &&
         code != ErrorCode::no_route && code != ErrorCode::ambiguous_path &&
         code != ErrorCode::name_unresolved && code != ErrorCode::name_unanswered;
}
bool always_occurs(Retirement reason) { return reason != Retirement::address_removed; }

TEST_F(Simulation, BreaksNoRuleAndMeetsEveryKindOfTrouble) {
  const SimResult all = run(1, standard_seeds);
  EXPECT_GE(all.exchanges, standard_seeds * standard_exchanges * 9 / 10);
  for (std::size_t i = 0; i < error_code_count; ++i) {
    const auto code = static_cast<ErrorCode>(i);
    if (always_occurs(code)) {
      EXPECT_GT(all.counters.errors[i], 0U) << error_row(code).name;
    }
  }
  for (std::size_t i = 1; i < retirement_count; ++i) {
    const auto reason = static_cast<Retirement>(i);
    if (always_occurs(reason)) {
      EXPECT_GT(all.counters.retirements[i], 0U) << retirement_name(reason);
    }
  }
  for (std::size_t i = 0; i < sim_event_count; ++i) {
    EXPECT_GT(all.tally.events[i], 0U) << sim_event_name(static_cast<SimEvent>(i));
  }
}

TEST_F(Simulation, IsTheSameWheneverTheSeedIsTheSame) {
  for (std::uint64_t seed = 100; seed < 104; ++seed) {
    EXPECT_EQ(simulate_seed(seed, 300).digest, simulate_seed(seed, 300).digest) << seed;
  }
  EXPECT_NE(simulate_seed(100, 300).digest, simulate_seed(101, 300).digest);
}

}  // namespace
}  // namespace holdfast
