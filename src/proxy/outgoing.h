#pragma once

#include <array>
#include <cstddef>
#include <string_view>

#include "codec/codec.h"
#include "net/stream.h"

namespace holdfast {

// The parts of one gather write: bytes to go first (a head), then spans of a body in the framing of
// the receiving side. The spans of one write become one chunk. Holds views only and lives for one
// turn.
class Outgoing {
 public:
  Outgoing() {}  // the room for the parts is not cleared: there is much of it, and two to a request

  void head(std::string_view bytes) { head_ = bytes; }
  void body(std::string_view span) {
    parts_[first_span + count_++] = span;
    body_bytes_ += span.size();
  }

  [[nodiscard]] bool full() const { return count_ == max_spans; }
  [[nodiscard]] bool empty() const { return head_.empty() && count_ == 0; }

  enum class Last : bool { no, yes };

  // Writes all that was collected and forgets it. `Last::yes` ends the body.
  [[nodiscard]] WriteOutcome flush(Stream& to, BodyKind framing, Last last);
  // Of the last flush that left something pending: all its bytes, taken or not.
  [[nodiscard]] std::size_t given_bytes() const { return given_bytes_; }

 private:
  // Before the spans: a head and a chunk's size line; behind them: its end and the last chunk.
  static constexpr std::size_t first_span = 2;
  static constexpr std::size_t max_spans = Stream::max_parts - 4;

  std::string_view head_;
  union {
    std::array<std::string_view, Stream::max_parts> parts_;
  };
  std::size_t count_ = 0;
  std::size_t body_bytes_ = 0;
  std::size_t given_bytes_ = 0;
};

}  // namespace holdfast
