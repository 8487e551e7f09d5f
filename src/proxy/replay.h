#pragma once

#include <cstdint>

#include "base/error.h"
#include "base/time.h"
#include "codec/http1/head.h"

namespace holdfast {

// Where a request lost its connection, or failed otherwise: the rows of the replay table.
enum class FailurePoint : std::uint8_t {
  connect,       // no connection was made
  probe,         // an idle connection was found dead before anything was written
  write,         // the kernel took no byte of the request
  reused_end,    // a connection that had served before ended before the first byte of an answer
  fresh_end,     // a new one did
  answer_begun,  // a byte of an answer has arrived
  other,         // a timeout, or nothing that a connection can be blamed for
  last_ = other,
};
inline constexpr std::size_t failure_point_count =
    static_cast<std::size_t>(FailurePoint::last_) + 1;

// What a second execution of a request would do: the columns of the replay table.
enum class RequestClass : std::uint8_t {
  safe,        // GET, HEAD or OPTIONS without a body
  idempotent,  // PUT or DELETE, all of whose body so far is there to be sent again
  other,
  last_ = other,
};
inline constexpr std::size_t request_class_count =
    static_cast<std::size_t>(RequestClass::last_) + 1;

// Whether a request is sent once more: the cells of the replay table.
enum class ReplayRule : std::uint8_t {
  never,
  elsewhere,      // to a server that was not tried yet; nothing was sent, so nothing is counted
  once,           // on another connection; nothing was sent
  budgeted,       // once, on a fresh connection, as far as the upstream's budget goes
  if_configured,  // as budgeted, where replay.methods names the method
};

// The replay table. The only place that decides what may be sent twice. Follows RFC 9110 section
// 9.2.2: a proxy must not repeat what may have been executed, unless that does no harm.
[[nodiscard]] ReplayRule replay_rule(FailurePoint point, RequestClass request);

// What is known of an exchange when its connection has failed.
struct ReplayFacts {
  bool reused = false;         // its connection had served another request before
  bool answer_begun = false;   // a byte of the answer has arrived
  bool anything_sent = false;  // the kernel took a byte of the request
};
[[nodiscard]] FailurePoint failure_point(ErrorCode code, const ReplayFacts& facts);

// Whether the body, as far as it was read, can be given again.
enum class BodyCopy : std::uint8_t { none_needed, kept, gone };
[[nodiscard]] RequestClass request_class(http1::Method method, BodyCopy body);

// How many requests an upstream may get twice, as one worker sees it. Each request earns its
// percentage of a replay, and what the last `remembered_requests` have earned may be spent. A small
// service earns next to nothing, so a few replays a second are granted in any case; but a budget of
// 0 grants none.
class ReplayBudget {
 public:
  static constexpr std::uint32_t remembered_requests = 10'000;
  static constexpr std::uint32_t granted_per_second = 10;

  explicit ReplayBudget(std::uint32_t percent) : percent_(percent) {}

  // A request has come.
  void earn() {
    if (earned_ < remembered_requests * percent_) {
      earned_ += percent_;
    }
  }
  // A request is to be replayed. False: it must not be.
  [[nodiscard]] bool spend(TimePoint now);

 private:
  static constexpr std::uint32_t price = 100;

  std::uint32_t percent_;
  std::uint32_t earned_ = 0;   // in hundredths of a replay
  std::uint32_t granted_ = 0;  // since granted_from_
  TimePoint granted_from_{};
};

}  // namespace holdfast
