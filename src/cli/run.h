#pragma once

#include <string>

#include "cli/config_source.h"
#include "cli/outputs.h"

namespace holdfast {

struct RunOptions {
  ConfigSource source;
  std::string workers;  // a number or "auto"; empty: as configured
};

// `holdfast run`: serves until a signal ends it. Returns the exit code.
[[nodiscard]] int run(const RunOptions& options, const Outputs& outputs);

}  // namespace holdfast
