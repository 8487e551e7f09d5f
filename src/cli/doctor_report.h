#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cli/backend_probe.h"
#include "cli/finding.h"
#include "cli/machine_checkup.h"
#include "cli/pool_advice.h"

namespace holdfast {

// All that the doctor has found.
struct Diagnosis {
  MachineFacts machine;
  std::vector<Chapter> chapters{};
  std::vector<BackendFacts> backends{};
  std::optional<PoolAdvice> advice{};
};

// For people: the chapters, the pool to configure, then the verdict in one line.
[[nodiscard]] std::string diagnosis_text(const Diagnosis& diagnosis, Colour colour);

// For programs: names that stay, times in seconds, null for what is not known.
[[nodiscard]] std::string diagnosis_json(const Diagnosis& diagnosis);

[[nodiscard]] int exit_code_of(Verdict verdict);

}  // namespace holdfast
