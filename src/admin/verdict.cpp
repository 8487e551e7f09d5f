#include "admin/verdict.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <string_view>

namespace holdfast {
namespace {

constexpr std::string_view theirs =
    "cannot be pooled; each request costs one connection; TIME_WAIT stays on the backend";
constexpr std::string_view perhaps_ours = "each request costs one connection";

std::uint64_t closed_for(const EndpointReport& endpoint, Retirement reason) {
  std::uint64_t sum = 0;
  for (const auto& by_ending : endpoint.counts.closed) {
    for (const EndpointTally::Closed& closed : by_ending) {
      sum += closed[static_cast<std::size_t>(reason)];
    }
  }
  return sum;
}

// The reason for which most connections were closed, leaving out those that say nothing of the
// server; none if there is none.
Retirement main_reason(const EndpointReport& endpoint) {
  Retirement main = Retirement::none;
  std::uint64_t most = 0;
  for (std::size_t i = 0; i < retirement_count; ++i) {
    const auto reason = static_cast<Retirement>(i);
    const bool says_nothing = reason == Retirement::moved || reason == Retirement::shutdown ||
                              reason == Retirement::address_removed;
    if (const std::uint64_t count = closed_for(endpoint, reason); !says_nothing && count > most) {
      most = count;
      main = reason;
    }
  }
  return main;
}

std::string because(std::string_view does, std::string_view so) {
  return fmt::format("{}: {}", does, so);
}

// Of a server whose connections are mostly used once.
std::string verdict_on(Retirement reason) {
  switch (reason) {
    case Retirement::no_keep_alive:
      return because("answers HTTP/1.0 without keep-alive", theirs);
    case Retirement::close_delimited:
      return because("ends its answers by closing", theirs);
    case Retirement::closed_by_backend:
      return because("says close in its answers", theirs);
    case Retirement::request_limit:
    case Retirement::ended_while_idle:
    case Retirement::stale:
    case Retirement::suspect:
      return because("closes connections without a word", perhaps_ours);
    case Retirement::doubted_by_backend:
      return because("answers 400 or 408, after which no connection is trusted", perhaps_ours);
    case Retirement::connection_bound:
      return because("asks for a login that holds for a connection", "each client needs its own");
    case Retirement::extra_bytes:
    case Retirement::spoke_while_idle:
      return because("sends bytes that nobody asked for", perhaps_ours);
    case Retirement::malformed_response:
      return because("sends answers that are not HTTP", perhaps_ours);
    case Retirement::request_unsent:
      return because("answers before it has read the request", perhaps_ours);
    case Retirement::client_left:
      return because("its clients leave before their answers", perhaps_ours);
    case Retirement::timed_out:
      return because("does not answer in time", perhaps_ours);
    case Retirement::broken:
      return because("breaks connections in its answers", perhaps_ours);
    case Retirement::max_requests:
    case Retirement::max_age:
    case Retirement::idle_timeout:
    case Retirement::max_idle:
      return because("connections are closed by our own limits",
                     fmt::format("mostly by {}", retirement_name(reason)));
    case Retirement::none:
    case Retirement::connect_failed:
    case Retirement::address_removed:
    case Retirement::moved:
    case Retirement::shutdown:
      break;
  }
  return "";
}

}  // namespace

std::string verdict_of(const EndpointReport& endpoint) {
  const std::uint64_t opened = endpoint.counts.opened;
  const std::uint64_t reuses = endpoint.counts.reuses;
  if (opened == 0) {
    return "";
  }
  if (reuses < opened) {
    return verdict_on(main_reason(endpoint));
  }
  return fmt::format("connections are used again: {:.0f} requests over each, so far",
                     static_cast<double>(opened + reuses) / static_cast<double>(opened));
}

std::string limits_of(const EndpointReport& endpoint) {
  const std::uint64_t requests = endpoint.closes_after_requests;
  const std::string every = fmt::format("every {} requests", requests);
  if (!endpoint.closes_idle) {
    return requests == 0 ? "" : fmt::format("closes connections {}", every);
  }
  const std::string idle =
      fmt::format("closes idle connections after {:.1f} s",
                  std::chrono::duration<double>(*endpoint.closes_idle).count());
  return requests == 0 ? idle : fmt::format("{}, {}", idle, every);
}

}  // namespace holdfast
