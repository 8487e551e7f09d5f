#include "server/memory.h"

#include <charconv>
#include <fstream>
#include <string>

namespace holdfast {

std::uint64_t bytes_of_limit(std::string_view memory_max) {
  std::uint64_t bytes = 0;
  const auto read =
      std::from_chars(memory_max.data(), memory_max.data() + memory_max.size(), bytes);
  return read.ec == std::errc() ? bytes : 0;  // "max"
}

std::uint64_t memory_budget(std::uint64_t configured) {
  if (configured != 0) {
    return configured;
  }
  // Inside a container this file is the container's own limit.
  std::ifstream file("/sys/fs/cgroup/memory.max");
  std::string line;
  return std::getline(file, line) ? bytes_of_limit(line) / 2 : 0;
}

}  // namespace holdfast
