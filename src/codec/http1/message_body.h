#pragma once

#include <cstdint>
#include <string_view>

#include "codec/codec.h"
#include "codec/http1/chunked_body.h"

namespace holdfast::http1 {

// Follows the body of one message to its end, however that is known. A body of a known length is
// counted and never parsed. Internal to the decoders.
class MessageBody {
 public:
  // A body begins, as its head decided. `length` counts for BodyKind::length only.
  void start(BodyKind kind, std::uint64_t length, ChunkedFrom from);

  // Gives `body` for each run of payload and `end` behind the last one. See ChunkedBody::next.
  [[nodiscard]] Step next(std::string_view bytes, std::uint64_t max_body, ErrorCode malformed);

  [[nodiscard]] BodyKind kind() const { return kind_; }

 private:
  std::uint64_t left_ = 0;  // of a body of a known length
  ChunkedBody chunks_;      // valid for BodyKind::chunked
  BodyKind kind_ = BodyKind::none;
};

}  // namespace holdfast::http1
