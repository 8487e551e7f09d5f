#pragma once

#include <llhttp.h>

#include <cstdint>
#include <string_view>

#include "codec/codec.h"
#include "codec/http1/chunk_grammar.h"

namespace holdfast::http1 {

// Follows the chunks of a body. Two readers must agree: llhttp splits, and what it does not give as
// payload is held against ChunkGrammar, which also counts the payload. Where they differ the
// message is refused. Internal to the decoders.
class ChunkedBody {
 public:
  // Ready for the first chunk size of a message.
  void start(ChunkedFrom from);

  // Gives `body` for each run of payload (a view of `bytes`), `end` after the last line, `error`
  // with `malformed` for what breaks the grammar and body_too_large for more payload than
  // `max_body` (0 = no limit).
  [[nodiscard]] Step next(std::string_view bytes, std::uint64_t max_body, ErrorCode malformed);

 private:
  llhttp_t parser_{};
  ChunkGrammar grammar_;
};

}  // namespace holdfast::http1
