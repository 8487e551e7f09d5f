#pragma once

#include "cli/config_source.h"
#include "cli/outputs.h"

namespace holdfast {

// `holdfast run`: serves until a signal ends it. Returns the exit code.
[[nodiscard]] int run(const ConfigSource& source, const Outputs& outputs);

}  // namespace holdfast
