#include "base/error.h"

#include <algorithm>
#include <array>

#include "base/check.h"

namespace holdfast {
namespace {

using enum ErrorCode;

// RFC 9209 section 2.3 gives the names where it has one that fits.
constexpr std::array<ErrorRow, error_code_count> rows{{
    {malformed_request, "http_request_error", Side::client, 400, Replay::never,
     "The request is not valid HTTP/1.x."},
    {head_too_large, "http_request_head_size", Side::client, 431, Replay::never,
     "The request's head is too large or has too many fields.",
     "Often it is cookies: deleting those of this site may help."},
    {target_too_long, "http_request_target_size", Side::client, 414, Replay::never,
     "The request's target is too long."},
    {body_too_large, "http_request_body_size", Side::client, 413, Replay::never,
     "The request's body is too large."},
    {unknown_transfer_coding, "http_request_transfer_coding", Side::client, 501, Replay::never,
     "The request's transfer coding is not known here; only chunked is."},
    {unknown_method, "http_request_method", Side::client, 501, Replay::never,
     "The request's method is not known here."},
    {method_not_allowed, "http_request_method_denied", Side::client, 405, Replay::never,
     "This method is not carried by this proxy."},
    {unsupported_version, "http_request_version", Side::client, 505, Replay::never,
     "Only HTTP/1.0 and HTTP/1.1 are spoken here."},
    {expectation_failed, "http_request_expectation", Side::client, 417, Replay::never,
     "Only the expectation 100-continue is known here."},
    {ambiguous_path, "http_request_path_ambiguous", Side::client, 400, Replay::never,
     "The request's path can be read in several ways that lead to different backends."},
    {no_route, "no_route", Side::client, 404, Replay::never,
     "No route of this proxy matches the request's host and path."},
    {request_timeout, "http_request_timeout", Side::client, 408, Replay::never,
     "The request did not arrive in time.", "Send it again, all of it at once."},
    {client_left, "client_left", Side::client, 0, Replay::never,
     "The client left before its answer."},
    {client_stalled, "client_stalled", Side::client, 0, Replay::never,
     "The client did not read its answer in time."},
    {connect_refused, "connection_refused", Side::upstream, 503, Replay::always,
     "The backend refused the connection."},
    {connect_timeout, "connection_timeout", Side::upstream, 504, Replay::always,
     "The backend did not accept the connection in time."},
    {connect_failed, "destination_unavailable", Side::upstream, 503, Replay::always,
     "The backend could not be reached."},
    {name_unresolved, "dns_error", Side::upstream, 503, Replay::never,
     "The backend's name cannot be resolved."},
    {name_unanswered, "dns_timeout", Side::upstream, 504, Replay::never,
     "The backend's name was not resolved in time."},
    {out_of_ports, "proxy_out_of_ports", Side::local, 503, Replay::always,
     "The proxy has no free local port for a connection to the backend."},
    {out_of_descriptors, "proxy_out_of_descriptors", Side::local, 503, Replay::always,
     "The proxy has no free file descriptor for a connection to the backend."},
    {local_failure, "proxy_internal_error", Side::local, 503, Replay::always,
     "The proxy could not open a connection to the backend."},
    {out_of_memory, "proxy_out_of_memory", Side::local, 503, Replay::never,
     "The proxy has no memory for this request."},
    {queue_full, "connection_limit_reached", Side::upstream, 503, Replay::always,
     "All connections to the backend are busy and the queue for them is full."},
    {queue_timeout, "connection_limit_timeout", Side::upstream, 503, Replay::never,
     "All connections to the backend stayed busy for too long."},
    {upstream_closed, "connection_terminated", Side::upstream, 502, Replay::if_idempotent,
     "The backend closed the connection without an answer."},
    {upstream_write_failed, "connection_write_failed", Side::upstream, 502, Replay::if_idempotent,
     "The backend closed the connection while the request was sent."},
    {malformed_response, "http_protocol_error", Side::upstream, 502, Replay::never,
     "The backend's answer is not valid HTTP/1.x."},
    {response_head_too_large, "http_response_header_section_size", Side::upstream, 502,
     Replay::never, "The head of the backend's answer is too large."},
    {unexpected_upgrade, "http_upgrade_failed", Side::upstream, 502, Replay::never,
     "The backend switched protocols without being asked to."},
    {too_many_interim, "http_too_many_interim", Side::upstream, 502, Replay::never,
     "The backend sent too many interim answers."},
    {response_incomplete, "http_response_incomplete", Side::upstream, 502, Replay::never,
     "The backend's answer ended too early."},
    {response_timeout, "http_response_timeout", Side::upstream, 504, Replay::never,
     "The backend did not answer in time."},
    {response_stalled, "connection_read_timeout", Side::upstream, 504, Replay::never,
     "The backend stopped in the middle of its answer."},
    {request_stalled, "connection_write_timeout", Side::upstream, 504, Replay::never,
     "The backend did not take the request in time."},
    {overloaded, "proxy_overloaded", Side::local, 503, Replay::never,
     "The proxy has no room for more requests just now."},
    {shutting_down, "proxy_shutting_down", Side::local, 503, Replay::never,
     "The proxy is shutting down."},
}};

constexpr bool rows_are_in_order() {
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (static_cast<std::size_t>(rows[i].code) != i) {
      return false;
    }
  }
  return true;
}
static_assert(rows_are_in_order(), "error rows stand in the order of ErrorCode");

// The registered types that rows are named by.
constexpr auto registered_types = std::to_array<std::string_view>({
    "connection_limit_reached",
    "connection_read_timeout",
    "connection_refused",
    "connection_terminated",
    "connection_timeout",
    "connection_write_timeout",
    "destination_unavailable",
    "dns_error",
    "dns_timeout",
    "http_protocol_error",
    "http_request_denied",
    "http_request_error",
    "http_response_header_section_size",
    "http_response_incomplete",
    "http_response_timeout",
    "http_upgrade_failed",
    "proxy_configuration_error",
    "proxy_internal_error",
    "proxy_loop_detected",
});

}  // namespace

std::string_view hint_of(const ErrorRow& row) {
  if (!row.hint.empty()) {
    return row.hint;
  }
  return row.side == Side::client ? "The same request will be refused again."
                                  : "Trying again in a moment may help.";
}

std::string_view proxy_status_type(const ErrorRow& row) {
  if (std::find(registered_types.begin(), registered_types.end(), row.name) !=
      registered_types.end()) {
    return row.name;
  }
  if (row.code == method_not_allowed) {
    return "http_request_denied";
  }
  if (row.code == queue_timeout) {
    return "connection_limit_reached";
  }
  if (row.code == upstream_write_failed) {
    return "connection_terminated";
  }
  switch (row.side) {
    case Side::client:
      return "http_request_error";
    case Side::upstream:
      return "http_protocol_error";
    case Side::local:
      break;
  }
  return "proxy_internal_error";
}

const ErrorRow& error_row(ErrorCode code) {
  const auto index = static_cast<std::size_t>(code);
  check(index < rows.size(), "an error code without a row");
  return rows[index];
}

Error make_error(ErrorCode code, int system) { return {code, error_row(code).side, system}; }

}  // namespace holdfast
