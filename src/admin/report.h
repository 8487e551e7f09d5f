#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/time.h"
#include "ports/port_ledger.h"
#include "proxy/counters.h"
#include "proxy/tally.h"

namespace holdfast {

struct RequestsReport {
  std::string upstream;  // "" for those that never had one
  RequestTally counts;
};

struct ListenerReport {
  std::string name;
  std::uint64_t clients = 0;
  std::uint64_t clients_opened = 0;
  std::vector<RequestsReport> requests{};
};

// Connections to a server, by what they are doing.
struct OpenConnections {
  std::uint64_t connecting = 0;
  std::uint64_t active = 0;  // leased, or kept for one client only
  std::uint64_t idle = 0;
  std::uint64_t resting = 0;  // idle for so long that they are left to the backend to close
  std::uint64_t draining = 0;

  void add(const OpenConnections& other) {
    connecting += other.connecting;
    active += other.active;
    idle += other.idle;
    resting += other.resting;
    draining += other.draining;
  }
};

struct EndpointReport {
  std::string server;
  OpenConnections open;
  std::uint64_t limit = 0;  // of the connections, of the whole process
  bool is_up = true;
  Duration trial_in{};  // while it is not
  std::optional<Error> last_error{};
  Duration failed_ago{};                 // valid with last_error
  PortUse ports{};                       // of the whole process; none of a Unix socket
  std::optional<Duration> ports_last{};  // for so long at the present rate; nothing: for ever
  std::uint32_t served_at_once = 0;      // if it seems to be pinned; see PinningGuard
  // When the backend closes connections, as far as that was learned; 0 requests: not known.
  std::optional<Duration> closes_idle{};
  std::uint64_t closes_after_requests = 0;
  EndpointTally counts{};
};

// A server that is given as a name.
struct NameReport {
  std::string server;     // as it is written
  bool resolved = false;  // it has addresses, which may be those of an earlier lookup
  std::string error{};    // of the last lookup, in words; empty if none has failed since an answer
  ErrorCode failure = ErrorCode::name_unresolved;  // likewise
  Duration failing_for{};
  Duration failed_ago{};
  Duration next_in{};  // 0 while it is looked up
};

struct UpstreamReport {
  std::string name;
  std::uint64_t waiting = 0;
  Duration oldest_wait{};
  UpstreamTally counts;
  std::vector<EndpointReport> endpoints{};
  std::vector<NameReport> names{};  // told by one worker
};

// What one worker knows of itself, copied by itself at one moment; or the sum of several.
struct WorkerReport {
  Counters counters;
  std::uint64_t memory_held = 0;
  std::uint64_t memory_limit = 0;
  Duration lag{};  // how long the question for this report waited for the loop
  std::vector<ListenerReport> listeners{};
  std::vector<UpstreamReport> upstreams{};

  // Adds what another worker has. The lag is the longer one.
  void add(const WorkerReport& other);
};

}  // namespace holdfast
