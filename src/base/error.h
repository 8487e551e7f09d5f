#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace holdfast {

// What went wrong, one value per kind of failure. error_row() says what follows from each.
enum class ErrorCode : std::uint8_t {
  // The client's request is refused; not a byte of it reaches a backend.
  malformed_request,
  head_too_large,
  target_too_long,
  body_too_large,
  unknown_transfer_coding,
  unknown_method,
  method_not_allowed,
  unsupported_version,
  expectation_failed,
  ambiguous_path,
  no_route,
  request_timeout,
  // The client itself is gone or too slow.
  client_left,
  client_stalled,
  // The backend could not be reached.
  connect_refused,
  connect_timeout,
  connect_failed,
  // The names of its servers have no address yet.
  name_unresolved,
  name_unanswered,
  // This machine ran short of something. Never the backend's fault.
  out_of_ports,
  out_of_descriptors,
  local_failure,
  out_of_memory,
  // The queue for a connection.
  queue_full,
  queue_timeout,
  // The backend's connection broke, or its answer is none.
  upstream_closed,
  upstream_write_failed,
  malformed_response,
  response_head_too_large,
  unexpected_upgrade,
  too_many_interim,
  response_incomplete,
  response_timeout,
  response_stalled,
  request_stalled,
  // This process.
  overloaded,
  shutting_down,
  last_ = shutting_down,
};

inline constexpr std::size_t error_code_count = static_cast<std::size_t>(ErrorCode::last_) + 1;

// Who is to blame.
enum class Side : std::uint8_t { client, upstream, local };

// Which part of the replay table (proxy/replay) a failure belongs to, as far as its code tells.
enum class Replay : std::uint8_t {
  never,
  // The connection ended: it depends on what was sent over it, and on the request.
  if_idempotent,
  // There was no connection: none of the request's bytes was given to one.
  always,
};

// A failure as plain data: no text, no allocation. `system` is an errno value or 0.
struct Error {
  ErrorCode code = ErrorCode::local_failure;
  Side side = Side::local;
  int system = 0;
  friend bool operator==(const Error&, const Error&) = default;
};

// What follows from a failure: its name in logs and metrics (an RFC 9209 error type where there is
// one), the status of the answer (0: no answer, the client is gone), the sentence in its body, and
// whether the request may be replayed.
struct ErrorRow {
  ErrorCode code;
  std::string_view name;
  Side side;
  int status;
  Replay replay;
  std::string_view text;
  std::string_view hint{};  // what may help; empty: what helps with most of its side's failures
};

// The row of a code. The table is the one place that knows what follows from a failure.
[[nodiscard]] const ErrorRow& error_row(ErrorCode code);

// What may help whoever gets the answer: a sentence.
[[nodiscard]] std::string_view hint_of(const ErrorRow& row);

// The type of RFC 9209 section 2.3 that the failure is of: its name if that is one.
[[nodiscard]] std::string_view proxy_status_type(const ErrorRow& row);

// An error blamed on the side that its row names.
[[nodiscard]] Error make_error(ErrorCode code, int system = 0);

}  // namespace holdfast
