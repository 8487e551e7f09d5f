#pragma once

#include "cli/config_source.h"
#include "cli/outputs.h"

namespace holdfast {

// `holdfast check`: says whether a configuration is good, and all that is wrong with it if not.
// Opens no socket and resolves no name. Returns the exit code.
[[nodiscard]] int check_configuration(const ConfigSource& source, const Outputs& outputs);

}  // namespace holdfast
