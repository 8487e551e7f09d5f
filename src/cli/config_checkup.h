#pragma once

#include <string>
#include <vector>

#include "cli/backend_checkup.h"
#include "config/config.h"

namespace holdfast {

// One server of a configuration, and how it is to be asked.
struct ConfiguredServer {
  const UpstreamOptions* upstream = nullptr;
  std::string server;
  ProbeSettings probe;
};

[[nodiscard]] std::vector<ConfiguredServer> servers_of(const Config& config,
                                                       const ProbeSettings& settings);

// Asks all of them, several at a time.
[[nodiscard]] std::vector<BackendFacts> probe_all(const std::vector<ConfiguredServer>& servers);

// What the configuration as a whole asks of this machine.
[[nodiscard]] Chapter judge_config(const std::string& name, const Config& config,
                                   const MachineFacts& machine);

// What one of its servers says, and how its upstream's pool fits to that.
[[nodiscard]] Chapter judge_server(const ConfiguredServer& server, const BackendFacts& facts);

// Whether the ports of this machine are enough for the pools that lead to one destination. Two
// upstreams may lead to the same one.
[[nodiscard]] Chapter judge_port_needs(const std::vector<ConfiguredServer>& servers,
                                       const std::vector<BackendFacts>& facts,
                                       const MachineFacts& machine);

}  // namespace holdfast
