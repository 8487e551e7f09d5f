#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/time.h"
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

struct EndpointReport {
  std::string server;
  std::uint64_t connecting = 0;
  std::uint64_t active = 0;  // leased, or kept for one client only
  std::uint64_t idle = 0;
  std::uint64_t draining = 0;
  std::uint64_t limit = 0;  // of the connections, of the whole process
  bool is_up = true;
  Duration trial_in{};  // while it is not
  std::optional<ErrorCode> last_error{};
  Duration failed_ago{};  // valid with last_error
  EndpointTally counts{};
};

struct UpstreamReport {
  std::string name;
  std::uint64_t waiting = 0;
  Duration oldest_wait{};
  UpstreamTally counts;
  std::vector<EndpointReport> endpoints{};
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
