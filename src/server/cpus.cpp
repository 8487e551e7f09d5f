#include "server/cpus.h"

#include <sched.h>

#include <algorithm>
#include <charconv>
#include <fstream>
#include <string>

namespace holdfast {

unsigned cpus_of_quota(std::string_view cpu_max) {
  unsigned long quota = 0;
  unsigned long period = 0;
  const char* end = cpu_max.data() + cpu_max.size();
  const auto first = std::from_chars(cpu_max.data(), end, quota);
  if (first.ec != std::errc() || first.ptr == end) {
    return 0;  // "max"
  }
  const auto second = std::from_chars(first.ptr + 1, end, period);
  if (second.ec != std::errc() || period == 0) {
    return 0;
  }
  return static_cast<unsigned>((quota + period - 1) / period);
}

unsigned usable_cpus() {
  cpu_set_t mask;
  CPU_ZERO(&mask);
  unsigned cpus = 1;
  if (sched_getaffinity(0, sizeof(mask), &mask) == 0) {
    cpus = static_cast<unsigned>(CPU_COUNT(&mask));
  }
  // Inside a container this file is the container's own limit.
  std::ifstream file("/sys/fs/cgroup/cpu.max");
  std::string line;
  if (std::getline(file, line)) {
    if (const unsigned quota = cpus_of_quota(line); quota != 0) {
      cpus = std::min(cpus, quota);
    }
  }
  return std::max(cpus, 1U);
}

}  // namespace holdfast
