#include "pool/retirement.h"

#include "base/check.h"

namespace holdfast {
namespace {

constexpr std::array<std::string_view, retirement_count> names{
    "none",
    "connect_failed",
    "broken",
    "timed_out",
    "malformed_response",
    "client_left",
    "request_unsent",
    "extra_bytes",
    "doubted_by_backend",
    "connection_bound",
    "close_delimited",
    "no_keep_alive",
    "closed_by_backend",
    "spoke_while_idle",
    "ended_while_idle",
    "stale",
    "suspect",
    "max_requests",
    "request_limit",
    "max_age",
    "idle_timeout",
    "max_idle",
    "address_removed",
    "moved",
    "shutdown",
};

}  // namespace

std::string_view retirement_name(Retirement retirement) {
  const auto index = static_cast<std::size_t>(retirement);
  check(index < names.size(), "a retirement without a name");
  return names[index];
}

}  // namespace holdfast
