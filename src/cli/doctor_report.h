#pragma once

#include <string>
#include <vector>

#include "cli/finding.h"
#include "cli/machine_checkup.h"

namespace holdfast {

// All that the doctor has found.
struct Diagnosis {
  MachineFacts machine;
  std::vector<Chapter> chapters;
};

// For people: the chapters, then the verdict in one line.
[[nodiscard]] std::string diagnosis_text(const Diagnosis& diagnosis, Colour colour);

// For programs: names that stay, times in seconds, null for what is not known.
[[nodiscard]] std::string diagnosis_json(const Diagnosis& diagnosis);

[[nodiscard]] int exit_code_of(Verdict verdict);

}  // namespace holdfast
