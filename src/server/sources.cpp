#include "server/sources.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <optional>

#include "net/address.h"
#include "net/tcp_stream.h"
#include "ports/ephemeral_range.h"

namespace holdfast {
namespace {

void check_addresses(const UpstreamOptions& upstream, SourceFaults& faults) {
  for (const IpAddress& address : upstream.source_addresses) {
    const int failed = try_source(address.with_port(0));
    if (failed == EADDRNOTAVAIL) {
      faults.errors.push_back(fmt::format(
          "upstreams.{}.source_addresses: {} is not an address of this machine. Add it to an "
          "interface (ip addr add {} dev ...), or take it out",
          upstream.name, address.text(), address.text()));
    } else if (failed != 0) {
      faults.errors.push_back(
          fmt::format("upstreams.{}.source_addresses: no connection can come "
                      "from {}: {}",
                      upstream.name, address.text(), std::strerror(failed)));
    }
  }
}

// Servers that are names may have addresses of either family.
void check_families(const UpstreamOptions& upstream, SourceFaults& faults) {
  for (const std::string& server : upstream.servers) {
    const std::optional<SocketAddress> address = SocketAddress::parse(server);
    if (upstream.source_addresses.empty() || !address || address->is_unix()) {
      continue;
    }
    const bool has_source = std::any_of(
        upstream.source_addresses.begin(), upstream.source_addresses.end(),
        [&](const IpAddress& source) { return source.with_port(0).is_v6() == address->is_v6(); });
    if (!has_source) {
      faults.warnings.push_back(fmt::format(
          "upstreams.{}.source_addresses: none of them can reach {}, which is {}; the system "
          "chooses there",
          upstream.name, server, address->is_v6() ? "IPv6" : "IPv4"));
    }
  }
}

// The kernel takes only what lies within its own range.
void check_ports(const UpstreamOptions& upstream, SourceFaults& faults) {
  const PortRange& ports = upstream.source_ports;
  if (ports.empty()) {
    return;
  }
  if (!can_choose_ports()) {
    faults.warnings.push_back(fmt::format(
        "upstreams.{}.source_ports: this kernel does not let a program choose its local ports "
        "(that is Linux 6.3 or later), so those of the system are used",
        upstream.name));
    return;
  }
  const auto range = EphemeralRange::read();
  if (range && range->size_within(ports.first, ports.last) == 0) {
    faults.warnings.push_back(fmt::format(
        "upstreams.{}.source_ports: none of {} is in net.ipv4.ip_local_port_range, so the kernel "
        "uses its own; choose some of those, or widen that range",
        upstream.name, ports.text()));
  }
}

}  // namespace

SourceFaults check_sources(const Config& config) {
  SourceFaults faults;
  for (const UpstreamOptions& upstream : config.upstreams) {
    check_addresses(upstream, faults);
    check_families(upstream, faults);
    check_ports(upstream, faults);
  }
  return faults;
}

}  // namespace holdfast
