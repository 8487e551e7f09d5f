#include "proxy/outgoing.h"

#include <span>

#include "codec/http1/encoder.h"

namespace holdfast {

WriteOutcome Outgoing::flush(Stream& to, BodyKind framing, Last last) {
  std::array<char, http1::chunk_line_bytes> line;
  const bool chunked = framing == BodyKind::chunked;
  std::size_t begin = first_span;
  std::size_t end = first_span + count_;
  if (chunked && body_bytes_ > 0) {
    parts_[--begin] = {line.data(), http1::encode_chunk_line(body_bytes_, line)};
    parts_[end++] = http1::chunk_end;
  }
  if (!head_.empty()) {
    parts_[--begin] = head_;
  }
  if (chunked && last == Last::yes) {
    parts_[end++] = http1::last_chunk;
  }
  const std::span<const std::string_view> parts(parts_.data() + begin, end - begin);
  head_ = {};
  count_ = 0;
  body_bytes_ = 0;
  if (parts.empty()) {
    return to.pending_bytes() == 0 ? WriteOutcome::written : WriteOutcome::pending;
  }
  const WriteOutcome outcome = to.write(parts);
  if (outcome == WriteOutcome::pending) {
    given_bytes_ = 0;
    for (const std::string_view part : parts) {
      given_bytes_ += part.size();
    }
  }
  return outcome;
}

}  // namespace holdfast
