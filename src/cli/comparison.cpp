#include "cli/comparison.h"

#include <fmt/format.h>

#include <string_view>

namespace holdfast {
namespace {

using Count = std::optional<std::size_t>;

std::string shown(Count count) { return count ? fmt::format("{}", *count) : "unknown"; }
std::string as_json(Count count) { return count ? fmt::format("{}", *count) : "null"; }

std::string row(std::string_view title, std::string_view direct, std::string_view proxied) {
  return fmt::format("{:<36}{:>10}{:>20}\n", title, direct, proxied);
}

std::string number_row(std::string_view title, std::uint64_t direct, std::uint64_t proxied) {
  return row(title, fmt::format("{}", direct), fmt::format("{}", proxied));
}

std::string run_json(const RunCost& run) {
  return fmt::format(
      "{{\"backend_connections\": {}, \"time_wait\": {}, \"requests_per_second\": {:.0f}, "
      "\"answered\": {}, \"failed\": {}, \"no_local_port\": {}, \"free_ports\": {}}}",
      run.backend_connections, as_json(run.time_wait), run.load.requests_per_second(),
      run.load.answered, run.load.failed(), run.load.no_local_port, as_json(run.free_ports));
}

}  // namespace

std::string comparison_table(const Comparison& comparison) {
  const RunCost& direct = comparison.direct;
  const RunCost& proxied = comparison.proxied;
  std::string table = fmt::format("{} requests, each on a connection of its own, {} at a time\n\n",
                                  comparison.requests, comparison.concurrency);
  table += row("", "directly", "through holdfast");
  table += number_row("backend connections opened", direct.backend_connections,
                      proxied.backend_connections);
  table += row("TIME_WAIT left at the backend", shown(direct.time_wait), shown(proxied.time_wait));
  table += row("TIME_WAIT left at holdfast's port", "-", shown(comparison.client_time_wait));
  table += row(fmt::format("free of {} local ports", shown(comparison.port_range)),
               shown(direct.free_ports), shown(proxied.free_ports));
  table += row("requests per second", fmt::format("{:.0f}", direct.load.requests_per_second()),
               fmt::format("{:.0f}", proxied.load.requests_per_second()));
  table += number_row("failed requests", direct.load.failed(), proxied.load.failed());
  if (!comparison.without_failures()) {
    table += number_row("  no local port", direct.load.no_local_port, proxied.load.no_local_port);
    table += number_row("  connection refused", direct.load.refused, proxied.load.refused);
    table += number_row("  broken answer", direct.load.broken, proxied.load.broken);
    table += number_row("  no answer in time", direct.load.late, proxied.load.late);
  }
  return table;
}

std::string comparison_json(const Comparison& comparison) {
  return fmt::format(
      "{{\"requests\": {}, \"concurrency\": {}, \"port_range\": {}, \"client_time_wait\": {},\n"
      " \"direct\": {},\n \"proxied\": {}}}\n",
      comparison.requests, comparison.concurrency, as_json(comparison.port_range),
      as_json(comparison.client_time_wait), run_json(comparison.direct),
      run_json(comparison.proxied));
}

std::string comparison_verdict(const Comparison& comparison) {
  const RunCost& direct = comparison.direct;
  const RunCost& proxied = comparison.proxied;
  return fmt::format(
      "Through holdfast, {} of {} short client connections were answered over {} backend\n"
      "connection{} instead of {}, and left {} TIME_WAIT at the backend instead of {}.\n",
      proxied.load.answered, comparison.requests, proxied.backend_connections,
      proxied.backend_connections == 1 ? "" : "s", direct.backend_connections,
      shown(proxied.time_wait), shown(direct.time_wait));
}

std::string comparison_caveat(const Comparison& comparison) {
  return fmt::format(
      "The clients' own short connections still end somewhere: at holdfast's port they left {}\n"
      "TIME_WAIT, which take none of the local ports towards the backend.\n"
      "Whoever closes first keeps the TIME_WAIT. Called directly, this backend closes first; a "
      "new\n"
      "connection may then take over the pair of an old one, so that fewer are left than were\n"
      "opened, and its callers never run out of ports. A caller that closes first itself does run\n"
      "out, but not over loopback: with net.ipv4.tcp_tw_reuse = 2, the default, Linux lets it use\n"
      "a port again there after a second. A port counts as free when no such pair is left of it.\n",
      shown(comparison.client_time_wait));
}

}  // namespace holdfast
