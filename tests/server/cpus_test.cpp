#include "server/cpus.h"

#include <gtest/gtest.h>

namespace holdfast {
namespace {

TEST(CpuQuota, CountsWholeCpusRoundedUp) {
  const struct {
    const char* cpu_max;
    unsigned cpus;
  } rows[] = {
      {"max 100000", 0},
      {"100000 100000", 1},
      {"150000 100000", 2},
      {"50000 100000", 1},
      {"200000 100000\n", 2},
      {"1 100000", 1},
      {"400000 100000", 4},
      {"3200000 100000", 32},
      {"250000 50000", 5},
      {"0 100000", 0},
      {"", 0},
      {"100000", 0},
      {"100000 ", 0},
      {"100000 0", 0},
      {"100000 x", 0},
      {"x 100000", 0},
      {"-100000 100000", 0},
      {" 100000 100000", 0},
      {"99999999999999999999 100000", 0},
  };
  for (const auto& row : rows) {
    EXPECT_EQ(cpus_of_quota(row.cpu_max), row.cpus) << "'" << row.cpu_max << "'";
  }
}

TEST(UsableCpus, AreAtLeastOne) { EXPECT_GE(usable_cpus(), 1U); }

}  // namespace
}  // namespace holdfast
