#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "codec/codec.h"
#include "codec/http1/fields.h"

namespace holdfast::http1 {

enum class Method : std::uint8_t {
  get,
  head,
  post,
  put,
  delete_,
  options,
  patch,
  connect,
  trace,
  other
};

inline constexpr std::size_t max_fields = 256;

// Room for the fields of one head. One per worker and direction: a head is decided and
// re-serialised in the turn in which it is complete, so no two heads need it at a time.
struct FieldTable {
  std::array<Field, max_fields> fields;
};

// What a head may cost. `head` counts every byte from the start line to the empty line.
struct HeadLimits {
  std::size_t head_bytes = 16 * 1024;
  std::size_t target_bytes = 8 * 1024;
  std::size_t fields = 100;
};

// A client's request as holdfast decided it. Views are valid as long as the bytes it was decoded
// from.
struct RequestHead {
  Method method = Method::other;
  std::string_view method_text;
  // The origin-form or asterisk-form target; an absolute-form target has lost its scheme and
  // authority. If that leaves a query alone it begins with `?`, and the encoder writes the `/` that
  // is to stand before it.
  std::string_view target;
  // The authority that was asked for: of the absolute-form target, else of Host; empty if neither.
  std::string_view host;
  Version version = Version::http11;
  std::span<const Field> fields;
  BodyKind body = BodyKind::none;  // none, length or chunked
  // Valid for BodyKind::length. A body of length 0 that was announced is BodyKind::length.
  std::uint64_t content_length = 0;
  // The client wants to keep its connection (RFC 9112 section 9.3).
  bool keep_alive = false;
  // The client waits for 100 before its body (RFC 9110 section 10.1.1); never for HTTP/1.0.
  bool expects_continue = false;
  // The request uses NTLM or Negotiate: its backend connection belongs to its client from now on.
  bool connection_bound = false;
};

// A backend's answer as holdfast decided it.
struct ResponseHead {
  Version version = Version::http11;
  int status = 0;
  std::string_view reason;
  std::span<const Field> fields;
  // How much of a body follows on the wire (none for HEAD, 1xx, 204, 304).
  BodyKind body = BodyKind::none;
  std::uint64_t content_length = 0;
  // The answer announces a Content-Length that is not followed by a body (HEAD, 304); it is passed
  // on.
  bool announces_length = false;
  // The backend is willing to keep the connection, as far as its head says (RFC 9112 section 9.3;
  // for HTTP/1.0 only with keep-alive). How the body ends is judged apart.
  bool keep_alive = false;
  // The answer offers or uses NTLM or Negotiate: the connection belongs to its client from now on.
  bool connection_bound = false;
  // What Keep-Alive says; empty without one. For read_keep_alive().
  std::string_view keep_alive_hint;
};

}  // namespace holdfast::http1
