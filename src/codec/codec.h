#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "base/error.h"

namespace holdfast {

// What a decoder found next.
enum class StepKind : std::uint8_t {
  need_more,  // nothing more can be said without more bytes
  head,       // a complete head; its view is valid until the bytes given go away
  body,       // some bytes of the body, in `body`
  end,        // the message is complete; what follows belongs to another
  error,      // the message is refused, for the reason in `error`
};

// One answer of a decoder. `consumed` bytes of the input are done with in every case; a head that
// is not complete consumes nothing, so that it stays contiguous with its caller.
struct Step {
  StepKind kind = StepKind::need_more;
  std::size_t consumed = 0;
  std::string_view body{};
  ErrorCode error{};
};

// How the end of a body is known (RFC 9112 section 6.3).
enum class BodyKind : std::uint8_t {
  none,        // no body
  length,      // Content-Length
  chunked,     // Transfer-Encoding: chunked
  until_close  // a response that ends with its connection
};

enum class Version : std::uint8_t { http10, http11 };

}  // namespace holdfast
