#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"

namespace holdfast {

// Why an exchange may fail without anybody being wrong. Set by whoever makes the trouble.
enum class Excuse : std::uint8_t {
  client,         // its client left, stalled, or sent too slowly
  stale,          // its connection had served before and was closed without an answer
  backend,        // its backend broke off, sent nonsense, or was silent for too long
  refused_write,  // its connection was found broken when it was to be written
  time,           // the clock has jumped
  ended,          // everything was ended at once
};

// An answer that a backend has begun to send.
struct SimAnswer {
  int status = 200;
  std::uint64_t body_bytes = 0;  // that it announces in a field of its own
  std::uint64_t sent_bytes = 0;  // less, if it is cut
  bool interim_100 = false;
  // Nobody can tell the cut: end of stream is the end of such a body.
  bool cut_unseen = false;
};

// One request of a simulated client, and all that becomes of it.
struct SimRequest {
  std::uint32_t id = 0;
  std::uint64_t client = 0;  // the wire of its client
  std::string_view method;
  bool http11 = true;
  bool replayable = false;    // may be executed twice
  bool must_survive = false;  // a stale connection, by being sent again
  bool chunked = false;
  bool has_body = false;
  std::uint64_t body_bytes = 0;
  int refusal = 0;       // the status it must get; 0: it is legal
  bool complete = true;  // false: its body is never sent whole, or is malformed
  bool waits_for_invitation = false;
  TimePoint sent_at{};  // when the last byte of its head was sent

  std::uint32_t heads_seen = 0;  // by backends
  std::uint32_t executions = 0;
  std::uint32_t wires = 0;  // connections that have carried a byte of it
  bool answered = false;
  std::uint8_t excuses = 0;
  std::vector<SimAnswer> answers;  // one for each execution, or early answer

  void excuse(Excuse why) {
    excuses |= static_cast<std::uint8_t>(1U << static_cast<unsigned>(why));
  }
  [[nodiscard]] bool excused(Excuse why) const {
    return (excuses >> static_cast<unsigned>(why) & 1U) != 0;
  }
};

// All requests of a run, by their id.
class SimLedger {
 public:
  SimRequest& open() {
    SimRequest& made = requests_.emplace_back();
    made.id = static_cast<std::uint32_t>(requests_.size());
    return made;
  }
  [[nodiscard]] SimRequest* find(std::uint64_t id) {
    return id == 0 || id > requests_.size() ? nullptr : &requests_[id - 1];
  }
  [[nodiscard]] std::size_t size() const { return requests_.size(); }
  [[nodiscard]] std::deque<SimRequest>& all() { return requests_; }

 private:
  std::deque<SimRequest> requests_;
};

// The text of bodies: each key has its own, and any part of it can be made or checked alone. It is
// full of what looks like HTTP.
class SimText {
 public:
  SimText();
  // Of the body of a request, or of one of its answers.
  static std::uint64_t key_of(std::uint32_t id, std::uint32_t answer) {
    return std::uint64_t{id} * 8 + answer;
  }
  void append(std::string& out, std::uint64_t key, std::uint64_t from, std::uint64_t bytes) const;
  [[nodiscard]] bool matches(std::string_view bytes, std::uint64_t key, std::uint64_t from) const;

 private:
  static constexpr std::size_t period = 8191;
  [[nodiscard]] std::string_view piece(std::uint64_t key, std::uint64_t from,
                                       std::uint64_t most) const;

  std::string text_;  // twice the period, so that each piece is contiguous
};

}  // namespace holdfast
