#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "cli/short_clients.h"

namespace holdfast {

// What one run of short clients cost the backend. The counts from /proc are missing where it cannot
// be read.
struct RunCost {
  ShortLoadReport load;
  std::uint64_t backend_connections = 0;  // opened during the run, counted by the backend
  std::optional<std::size_t> time_wait;   // left with the backend as their destination
  std::optional<std::size_t> free_ports;  // of the range, in no pair with the backend
};

// The same load twice: directly to a backend, and through holdfast to another one of its kind.
struct Comparison {
  unsigned requests = 0;
  unsigned concurrency = 0;
  RunCost direct;
  RunCost proxied;
  std::optional<std::size_t> port_range;        // how many local ports the machine gives out
  std::optional<std::size_t> client_time_wait;  // left by the short clients at holdfast's own port

  [[nodiscard]] bool without_failures() const {
    return direct.load.failed() == 0 && proxied.load.failed() == 0;
  }
};

// The table for a person, and as one JSON object.
[[nodiscard]] std::string comparison_table(const Comparison& comparison);
[[nodiscard]] std::string comparison_json(const Comparison& comparison);

// One sentence with the numbers of this run, whatever they are.
[[nodiscard]] std::string comparison_verdict(const Comparison& comparison);

// What the numbers do not show, because everything ran over loopback.
[[nodiscard]] std::string comparison_caveat(const Comparison& comparison);

}  // namespace holdfast
