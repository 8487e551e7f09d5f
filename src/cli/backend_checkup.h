#pragma once

#include <optional>

#include "cli/backend_probe.h"
#include "cli/finding.h"
#include "cli/machine_checkup.h"
#include "cli/pool_advice.h"

namespace holdfast {

// What the answers of a backend say about pooling its connections.
[[nodiscard]] Chapter judge_backend(const BackendFacts& facts, const ProbeSettings& settings);

// The idle limit to live by: what was measured, else what its Keep-Alive field says.
[[nodiscard]] std::optional<Duration> idle_limit_of(const BackendFacts& facts);

// How many connections the expected load needs at a time, in words.
[[nodiscard]] Finding judge_load(const BackendFacts& facts, const ExpectedLoad& load,
                                 const MachineFacts& machine);

// The pool to configure for it; nothing for one that does not answer.
[[nodiscard]] std::optional<PoolAdvice> advise_pool(const BackendFacts& facts,
                                                    const ExpectedLoad& load);

}  // namespace holdfast
