#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "admin/report.h"
#include "base/error.h"
#include "base/time.h"
#include "pool/retirement.h"
#include "ports/port_ledger.h"
#include "proxy/tally.h"

namespace holdfast {

// What /api/v1/status and /events say, of the whole process, at one moment.

struct CloseCount {
  Closer by = Closer::holdfast;
  Retirement reason = Retirement::none;
  std::uint64_t total = 0;
  std::uint64_t resets = 0;  // of those that ended by one
};

struct LastError {
  ErrorCode code{};
  std::string what;  // a sentence without its full stop
  std::string_view remedy;
  Duration ago{};
};

enum class ServerState : std::uint8_t {
  untried,     // nobody has asked for it yet
  up,          // its last connection was made
  aside,       // it lets connections fail; it is tried again in `retry_in`
  draining,    // it gets nothing new
  resolving,   // a name that is looked up for the first time
  unresolved,  // a name without an address; it is looked up again in `retry_in`
};

// The connections of one server, or of all.
struct ConnectionNumbers {
  OpenConnections open;
  std::uint64_t limit = 0;
  std::uint64_t opened = 0;
  std::uint64_t reused = 0;

  void add(const ConnectionNumbers& other) {
    open.add(other.open);
    limit += other.limit;
    opened += other.opened;
    reused += other.reused;
  }
};

// A server is an address, or a name as long as that has none.
struct ServerNumbers {
  std::string server;
  ServerState state = ServerState::untried;
  Duration retry_in{};
  Duration unresolved_for{};  // valid in that state
  ConnectionNumbers connections{};
  std::string verdict{};  // on the reuse of its connections; see verdict_of
  std::string limits{};   // see limits_of
  std::optional<LastError> last_error{};
  PortUse ports{};  // without a limit: of a Unix socket, or not known
  std::optional<Duration> ports_last{};
  std::uint32_t served_at_once = 0;
};

struct UpstreamNumbers {
  std::string name;
  std::uint64_t waiting = 0;
  Duration oldest_wait{};
  std::vector<ServerNumbers> servers;
};

struct ListenerNumbers {
  std::string name;
  std::string address;
  std::string upstream;
};

struct ErrorCount {
  ErrorCode code{};
  std::uint64_t total = 0;
};

struct AnswerCount {
  std::string code;  // "200", "503"; of rare ones only the class: "2xx"
  std::uint64_t total = 0;
};

struct StatusNumbers {
  Duration uptime{};
  unsigned workers = 1;
  bool draining = false;
  std::uint64_t clients_open = 0;
  std::uint64_t clients_opened = 0;
  std::uint64_t clients_limit = 0;
  std::uint64_t requests = 0;
  std::vector<AnswerCount> answers;
  std::vector<CloseCount> closed;
  std::vector<ErrorCount> errors;
  std::vector<ListenerNumbers> listeners;
  std::vector<UpstreamNumbers> upstreams;
};

// The numbers as JSON. The names are a contract: they are added to, never changed; `schema` counts
// what had to break. Totals count from the start of the process; durations are in seconds.
//
//   schema, version, uptime_seconds, workers, draining
//   clients              open, opened_total, limit
//   requests             total, by_code {"200": n}, as the metrics have them
//   backend_connections  connecting, active, idle, resting, draining, limit, opened_total,
//                        reused_total, closed_total, closed [{by: holdfast|backend, reason, total,
//                        resets}]
//   waiting              requests, oldest_seconds
//   errors               [{error, text, total}], by the names of RFC 9209
//   listeners            [{name, address, upstream}]
//   upstreams            [{name, waiting, oldest_wait_seconds, servers}], and of each server:
//                        server, state, retry_in_seconds (if aside or unresolved),
//                        unresolved_seconds (likewise), connecting, active, idle, draining, limit,
//                        opened_total, reused_total,
//                        last_error null or {error, text, remedy, ago_seconds},
//                        ports null or {limit, live, time_wait, others, exhausted_in_seconds
//                        (null: never at the present rate)},
//                        suggested_max_connections null or a number: the server seems to serve no
//                        more connections than that at a time
[[nodiscard]] std::string status_json(const StatusNumbers& numbers);

}  // namespace holdfast
