#include "codec/http1/message_body.h"

#include <algorithm>

namespace holdfast::http1 {
namespace {

Step payload(std::string_view bytes) {
  if (bytes.empty()) {
    return {};
  }
  return {.kind = StepKind::body, .consumed = bytes.size(), .body = bytes};
}

}  // namespace

void MessageBody::start(BodyKind kind, std::uint64_t length, ChunkedFrom from) {
  kind_ = kind;
  left_ = kind == BodyKind::length ? length : 0;
  if (kind == BodyKind::chunked) {
    chunks_.start(from);
  }
}

Step MessageBody::next(std::string_view bytes, std::uint64_t max_body, ErrorCode malformed) {
  switch (kind_) {
    case BodyKind::none:
      return {.kind = StepKind::end};
    case BodyKind::length: {
      if (left_ == 0) {
        return {.kind = StepKind::end};
      }
      const Step step = payload(bytes.substr(0, std::min<std::uint64_t>(left_, bytes.size())));
      left_ -= step.consumed;
      return step;
    }
    case BodyKind::chunked:
      return chunks_.next(bytes, max_body, malformed);
    case BodyKind::until_close:
      return payload(bytes);
  }
  return {};
}

}  // namespace holdfast::http1
