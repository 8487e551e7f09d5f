#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace holdfast {

// Why a connection is never used again; `none` means that it is. One value per reason: log lines,
// counters and verdicts take their text from it. The order is the order of blame where several
// hold.
enum class Retirement : std::uint8_t {
  none,
  // It never was, or did not stay, a sound connection.
  connect_failed,
  broken,
  timed_out,
  malformed_response,
  // The exchange did not end in a way that leaves no doubt about the next byte.
  client_left,
  request_unsent,
  extra_bytes,
  doubted_by_backend,
  connection_bound,
  // The backend does not want it to go on.
  close_delimited,
  no_keep_alive,
  closed_by_backend,
  // Found while it was idle.
  spoke_while_idle,
  ended_while_idle,
  stale,
  suspect,
  // Our own limits.
  max_requests,
  request_limit,  // the backend's own, learned
  max_age,
  idle_timeout,
  max_idle,
  // Its address is not one of the upstream's any more.
  address_removed,
  // Not retired for a fault: it serves another worker, or this process ends.
  moved,
  shutdown,
  last_ = shutdown,
};

inline constexpr std::size_t retirement_count = static_cast<std::size_t>(Retirement::last_) + 1;

[[nodiscard]] std::string_view retirement_name(Retirement retirement);

}  // namespace holdfast
