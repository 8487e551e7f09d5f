#pragma once

#include "cli/outputs.h"

namespace holdfast {

struct DoctorOptions {
  bool json = false;
};

// `holdfast doctor`: says in plain words how this machine and its backends are for connections.
// Returns the exit code: 0 healthy, 3 if something deserves a look, 1 if something is sick.
[[nodiscard]] int doctor(const DoctorOptions& options, const Outputs& outputs);

}  // namespace holdfast
