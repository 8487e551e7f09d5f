#pragma once

#include "cli/outputs.h"

namespace holdfast {

// Reads the arguments of main and runs what they ask for. Returns the program's exit code.
[[nodiscard]] int command_line(int count, const char* const* arguments, const Outputs& outputs);

}  // namespace holdfast
