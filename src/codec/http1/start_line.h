#pragma once

#include <cstddef>
#include <string_view>

#include "base/result.h"
#include "codec/codec.h"
#include "codec/http1/head.h"

namespace holdfast::http1 {

// The three parts of a request line. The target is raw: see target.h.
struct RequestLine {
  Method method = Method::other;
  std::string_view method_text;
  std::string_view target;
  Version version = Version::http11;
};

// The three parts of a status line.
struct StatusLine {
  Version version = Version::http11;
  int status = 0;
  std::string_view reason;
};

// No method that is carried is longer.
inline constexpr std::size_t max_method_bytes = 24;

// Judges the beginning of a request line that may not be complete: says as early as possible that
// it can come to nothing. Looks at a bounded number of bytes, so it may be asked again for each
// byte.
[[nodiscard]] Result<void> judge_request_prefix(std::string_view prefix, std::size_t target_bytes);

// Reads `method SP target SP HTTP/1.[01]` (RFC 9112 section 3), exactly, without its CRLF.
[[nodiscard]] Result<RequestLine> read_request_line(std::string_view line,
                                                    std::size_t target_bytes);

// False if no status line begins like this.
[[nodiscard]] bool may_begin_status_line(std::string_view prefix);

// Reads `HTTP/1.[01] SP 3DIGIT [SP reason]` (RFC 9112 section 4) without its CRLF. The second SP
// may be missing, as old backends have it.
[[nodiscard]] Result<StatusLine> read_status_line(std::string_view line);

}  // namespace holdfast::http1
