#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "codec/codec.h"
#include "codec/http1/head.h"

namespace holdfast::http1 {

// Of an X-Request-ID that we write.
inline constexpr std::size_t max_request_id_bytes = 128;

// The Connection field that we write ourselves; nothing of the other side's survives.
enum class ConnectionWord : std::uint8_t { none, keep_alive, close };

// How a request goes to a backend: all that is not a plain field of the client's is decided here.
struct RequestPlan {
  Version version = Version::http11;
  ConnectionWord connection = ConnectionWord::none;
  // Our one framing field: none, length (with content_length) or chunked.
  BodyKind body = BodyKind::none;
  std::uint64_t content_length = 0;
  // The value of Host; empty: no Host is sent (an HTTP/1.0 client that gave none).
  std::string_view host{};
  // The address of the client, for X-Forwarded-For.
  std::string_view client_address{};
  // "http" or "https", for X-Forwarded-Proto.
  std::string_view client_scheme = "http";
  // The client's own X-Forwarded-*, Forwarded and X-Real-IP are believed and passed on, with our
  // address appended to X-Forwarded-For; else they are dropped and made anew.
  bool trusted = false;
  // The value of X-Request-ID in place of the client's; empty: the client's goes as it is.
  std::string_view request_id{};
};

// How an answer goes to a client.
struct ResponsePlan {
  ConnectionWord connection = ConnectionWord::none;
  BodyKind body = BodyKind::none;  // none: no framing field, or the announced length
  std::uint64_t content_length = 0;
  // The value of X-Request-ID in place of the backend's; empty: the backend's goes as it is.
  std::string_view request_id{};
};

// Enough room for the encoded head, never less than what encode_* writes.
[[nodiscard]] std::size_t request_bound(const RequestHead& head, const RequestPlan& plan);
[[nodiscard]] std::size_t response_bound(const ResponseHead& head);

// Write a head as it goes over the wire and return its size. `out` is at least the bound.
[[nodiscard]] std::size_t encode_request(const RequestHead& head, const RequestPlan& plan,
                                         std::span<char> out);
[[nodiscard]] std::size_t encode_response(const ResponseHead& head, const ResponsePlan& plan,
                                          std::span<char> out);
// An interim answer (1xx): status line and fields, no framing, no Connection.
[[nodiscard]] std::size_t encode_interim(const ResponseHead& head, std::span<char> out);

inline constexpr std::string_view continue_answer = "HTTP/1.1 100 Continue\r\n\r\n";

// The phrase of a status that holdfast gives itself.
[[nodiscard]] std::string_view reason_of(int status);

// The head of a whole answer of our own, or of a stream.
struct LocalHead {
  int status = 200;
  std::string_view type;
  std::string_view fields;  // more of them, each with its CRLF
  BodyKind body = BodyKind::length;
  std::uint64_t content_length = 0;
  ConnectionWord connection = ConnectionWord::none;
};
[[nodiscard]] std::string encode_local_head(const LocalHead& head);

// The size line of a chunk, with its CRLF; at most chunk_line_bytes. The payload and chunk_end
// follow.
inline constexpr std::size_t chunk_line_bytes = 18;
[[nodiscard]] std::size_t encode_chunk_line(std::uint64_t payload_bytes, std::span<char> out);
inline constexpr std::string_view chunk_end = "\r\n";
inline constexpr std::string_view last_chunk = "0\r\n\r\n";

}  // namespace holdfast::http1
