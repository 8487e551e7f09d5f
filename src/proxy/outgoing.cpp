#include "proxy/outgoing.h"

#include <span>

#include "codec/http1/encoder.h"

namespace holdfast {

WriteOutcome Outgoing::flush(Stream& to, BodyKind framing, Last last) {
  std::array<std::string_view, Stream::max_parts> parts;
  std::array<char, http1::chunk_line_bytes> line;
  std::size_t used = 0;
  const bool chunked = framing == BodyKind::chunked;
  if (!head_.empty()) {
    parts[used++] = head_;
  }
  if (chunked && body_bytes_ > 0) {
    parts[used++] = {line.data(), http1::encode_chunk_line(body_bytes_, line)};
  }
  for (std::size_t i = 0; i < count_; ++i) {
    parts[used++] = spans_[i];
  }
  if (chunked && body_bytes_ > 0) {
    parts[used++] = http1::chunk_end;
  }
  if (chunked && last == Last::yes) {
    parts[used++] = http1::last_chunk;
  }
  head_ = {};
  count_ = 0;
  body_bytes_ = 0;
  if (used == 0) {
    return to.pending_bytes() == 0 ? WriteOutcome::written : WriteOutcome::pending;
  }
  const WriteOutcome outcome = to.write({parts.data(), used});
  if (outcome == WriteOutcome::pending) {
    given_bytes_ = 0;
    for (const std::string_view part : std::span(parts).first(used)) {
      given_bytes_ += part.size();
    }
  }
  return outcome;
}

}  // namespace holdfast
