#pragma once

#include <iosfwd>

#include "config/diagnostic.h"

namespace holdfast {

// How the program ends (sysexits.h has 78 for a bad configuration; systemd shows it by name).
inline constexpr int exit_ok = 0;
inline constexpr int exit_failure = 1;
inline constexpr int exit_usage = 2;
inline constexpr int exit_warning = 3;  // of `holdfast doctor`: nothing is sick, but look at it
inline constexpr int exit_config = 78;

// Where a command writes: what was asked for, and what a person must know besides.
struct Outputs {
  std::ostream& results;
  std::ostream& diagnostics;
  Colour colour = Colour::never;          // of the diagnostics
  Colour results_colour = Colour::never;  // of the few results that have any
};

}  // namespace holdfast
