#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "ports/ephemeral_range.h"
#include "ports/socket_table.h"

namespace holdfast {

// The ephemeral ports that connections from one address of this network namespace to one
// destination take. Only together the two have a range of ports to themselves.
struct DestinationPorts {
  SocketEnd from;  // its port is 0
  SocketEnd to;
  std::size_t time_wait = 0;
  std::size_t open = 0;  // in any other state

  [[nodiscard]] std::size_t all() const { return time_wait + open; }
};

// Who takes the local ports of this network namespace.
struct PortCensus {
  std::vector<DestinationPorts> destinations;  // those with the most ports first
  std::size_t time_wait_towards = 0;           // of all destinations
  std::size_t time_wait_at = 0;  // at ports that somebody listens on: they take no local port
};

// Counts the rows of both tables, /proc/net/tcp and /proc/net/tcp6.
[[nodiscard]] PortCensus count_ports(std::string_view v4, std::string_view v6,
                                     const EphemeralRange& range);

// Counts now. As costly as reading the tables is: not for the hot path.
[[nodiscard]] Result<PortCensus> read_port_census(const EphemeralRange& range);

}  // namespace holdfast
