#pragma once

#include <string_view>

namespace holdfast {

// How many CPUs this process may use: its affinity mask, cut by the cgroup's quota where there is
// one (a quota of 150 % counts as 2). At least 1.
[[nodiscard]] unsigned usable_cpus();

// The quota that a cgroup v2 cpu.max file ("150000 100000", "max 100000") grants, in whole CPUs,
// rounded up; 0 if it sets none.
[[nodiscard]] unsigned cpus_of_quota(std::string_view cpu_max);

}  // namespace holdfast
