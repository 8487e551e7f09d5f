#pragma once

#include <cstdint>
#include <string_view>

#include "base/result.h"
#include "codec/codec.h"
#include "codec/http1/head.h"

namespace holdfast::http1 {

// The framing fields of one head: how often they stand there, and the value that was last.
struct FramingFields {
  unsigned lengths = 0;
  unsigned codings = 0;
  std::string_view length;
  std::string_view coding;
};

// How the end of a body is known, once the fields have been held against the rules.
struct Framing {
  BodyKind body = BodyKind::none;
  std::uint64_t content_length = 0;
  // Only for answers: see ResponseHead::announces_length.
  bool announces_length = false;
  // Only for answers: the fields promise a body where none may be, so whatever follows on the
  // connection cannot be told from it.
  bool doubtful = false;
};

// Reads a Content-Length: 1 to 19 DIGIT, at most INT64_MAX. No list, no sign, no blanks.
[[nodiscard]] Result<std::uint64_t> read_content_length(std::string_view text);

// Decides the framing of a request (RFC 9112 section 6.3). All that two readers could understand
// differently is refused, equal duplicates too.
[[nodiscard]] Result<Framing> frame_request(const FramingFields& fields, Version version);

// What frame_response must know beside the fields.
struct AnswerContext {
  Version version = Version::http11;
  int status = 0;
  Method method = Method::get;  // of the request
};

// Decides the framing of an answer (RFC 9112 section 6.3), interim ones included.
[[nodiscard]] Result<Framing> frame_response(const FramingFields& fields,
                                             const AnswerContext& context);

}  // namespace holdfast::http1
