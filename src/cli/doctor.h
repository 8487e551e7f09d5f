#pragma once

#include <string>

#include "cli/backend_probe.h"
#include "cli/outputs.h"
#include "cli/pool_advice.h"

namespace holdfast {

struct DoctorOptions {
  std::string server;  // of a backend to ask, or
  std::string config;  // a file, all of whose backends are asked; empty both: the machine alone
  ProbeSettings probe;
  ExpectedLoad load;
  bool json = false;
};

// `holdfast doctor`: says in plain words how this machine and its backends are for connections.
// Returns the exit code: 0 healthy, 3 if something deserves a look, 1 if something is sick.
[[nodiscard]] int doctor(const DoctorOptions& options, const Outputs& outputs);

}  // namespace holdfast
