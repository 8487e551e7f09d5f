#pragma once

#include <array>
#include <cstdint>

#include "base/error.h"
#include "pool/retirement.h"

namespace holdfast {

// What one worker has counted since its start. Plain numbers, written by its own thread only.
struct Counters {
  std::uint64_t client_connections = 0;
  std::uint64_t requests = 0;
  // Requests sent once more, what came of them, and those that the budget has refused.
  std::uint64_t replays = 0;
  std::uint64_t replays_answered = 0;
  std::uint64_t replays_failed = 0;
  std::uint64_t replays_refused = 0;
  std::uint64_t failovers = 0;        // attempts at another server because no connection was made
  std::uint64_t clients_shed = 0;     // closed between two requests, to make room
  std::uint64_t accepts_stopped = 0;  // times that a listener had to stop accepting
  std::uint64_t upstream_opened = 0;
  std::uint64_t upstream_leases = 0;
  std::array<std::uint64_t, retirement_count> retirements{};
  std::array<std::uint64_t, error_code_count> errors{};

  void count(Retirement reason) { ++retirements[static_cast<std::size_t>(reason)]; }
  void add(const Counters& other) {
    client_connections += other.client_connections;
    requests += other.requests;
    replays += other.replays;
    replays_answered += other.replays_answered;
    replays_failed += other.replays_failed;
    replays_refused += other.replays_refused;
    failovers += other.failovers;
    clients_shed += other.clients_shed;
    accepts_stopped += other.accepts_stopped;
    upstream_opened += other.upstream_opened;
    upstream_leases += other.upstream_leases;
    for (std::size_t i = 0; i < retirements.size(); ++i) {
      retirements[i] += other.retirements[i];
    }
    for (std::size_t i = 0; i < errors.size(); ++i) {
      errors[i] += other.errors[i];
    }
  }
  void count(ErrorCode code) { ++errors[static_cast<std::size_t>(code)]; }
};

}  // namespace holdfast
