#pragma once

#include <array>

#include "config/rows.h"

namespace holdfast::keys {

// Of the process as a whole, before anything else.

using enum FieldKind;

// clang-format off
inline constexpr auto process_rows = std::to_array<Field>({
    {.path = "workers", .kind = workers, .slot = of_config<&Config::workers>,
     .range = {1, max_workers},
     .change = Change::restart,
     .line = "Threads. `auto` is one for each CPU that holdfast may use, cgroup quota included.",
     .foreign = "worker_processes nbthread threads nbproc concurrency"},
    {.path = "memory", .kind = size, .slot = of_config<&Config::memory>, .range = {0, tib},
     .change = Change::restart,
     .line = "What clients and requests may take up; near it, idle clients are closed, then "
             "requests refused, then nobody accepted. 0 = half of what the cgroup allows, if it "
             "limits.",
     .foreign = "max_memory memory_limit memlimit max_heap_size_bytes memory_max mem_limit"},
});
// clang-format on

}  // namespace holdfast::keys
