#include "ports/port_census.h"

#include <algorithm>
#include <cerrno>
#include <map>
#include <string>
#include <tuple>
#include <utility>

#include "ports/proc_file.h"

namespace holdfast {
namespace {

template <class Visit>
void each_entry(std::string_view table, const Visit& visit) {
  while (!table.empty()) {
    const std::string_view line = table.substr(0, table.find('\n'));
    table.remove_prefix(std::min(line.size() + 1, table.size()));
    if (const auto entry = parse_socket_entry(line)) {
      visit(*entry);
    }
  }
}

struct ByAddress {
  bool operator()(const DestinationPorts& a, const DestinationPorts& b) const {
    return std::tie(a.to.address, a.to.port, a.from.address) <
           std::tie(b.to.address, b.to.port, b.from.address);
  }
};

}  // namespace

PortCensus count_ports(std::string_view v4, std::string_view v6, const EphemeralRange& range) {
  PortSet listening;
  for (const std::string_view table : {v4, v6}) {
    each_entry(table, [&](const SocketEntry& entry) {
      listening.set(entry.local.port,
                    listening.test(entry.local.port) || entry.state == SocketState::listening);
    });
  }
  PortCensus census;
  // The counts of a key's two ends; its own numbers stay 0.
  std::map<DestinationPorts, std::pair<std::size_t, std::size_t>, ByAddress> counts;
  const auto count = [&](const SocketEntry& entry) {
    const bool time_wait = entry.state == SocketState::time_wait;
    if (listening.test(entry.local.port)) {
      census.time_wait_at += time_wait ? 1 : 0;
    } else if (range.contains(entry.local.port) && entry.remote.port != 0) {
      auto& [waiting, open] =
          counts[{.from = {.address = entry.local.address}, .to = entry.remote}];
      ++(time_wait ? waiting : open);
      census.time_wait_towards += time_wait ? 1 : 0;
    }
  };
  each_entry(v4, count);
  each_entry(v6, count);
  for (const auto& [ends, numbers] : counts) {
    census.destinations.push_back(ends);
    census.destinations.back().time_wait = numbers.first;
    census.destinations.back().open = numbers.second;
  }
  std::stable_sort(census.destinations.begin(), census.destinations.end(),
                   [](const auto& a, const auto& b) { return a.all() > b.all(); });
  return census;
}

Result<PortCensus> read_port_census(const EphemeralRange& range) {
  const Result<std::string> v4 = read_proc_file("/proc/net/tcp");
  if (!v4) {
    return unexpected(v4.error());
  }
  const Result<std::string> v6 = read_proc_file("/proc/net/tcp6");
  // A kernel without IPv6 has no second table, and then nothing is missed.
  if (!v6 && v6.error().system != ENOENT) {
    return unexpected(v6.error());
  }
  return count_ports(*v4, v6 ? std::string_view(*v6) : std::string_view(), range);
}

}  // namespace holdfast
