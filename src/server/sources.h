#pragma once

#include <string>
#include <vector>

#include "config/config.h"

namespace holdfast {

// What is wrong with the source addresses and ports of a configuration on this machine, as it is
// now, one line each; each line names the key, the cause and what to do.
struct SourceFaults {
  std::vector<std::string> errors;    // nothing could be connected from there
  std::vector<std::string> warnings;  // it would serve, but not as written
};

[[nodiscard]] SourceFaults check_sources(const Config& config);

}  // namespace holdfast
