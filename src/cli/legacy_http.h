#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace holdfast {

// What a server that stopped learning at HTTP/1.0 (RFC 1945) understands of a request.
struct LegacyRequest {
  std::size_t head_bytes = 0;    // with its empty line
  std::uint64_t body_bytes = 0;  // from Content-Length
  int status = 200;           // of the answer: 400 for what is no request, 501 for a chunked body
  bool without_body = false;  // the answer is to have none: HEAD
  bool keep_alive = false;    // asked for in so many words; HTTP/1.1 by itself means nothing here
};

inline constexpr std::size_t legacy_head_limit_bytes = std::size_t{16} * 1024;

// Reads the head at the front of `received`; nothing while it is not complete. A head over the
// limit is answered with 400.
[[nodiscard]] std::optional<LegacyRequest> read_legacy_request(std::string_view received);

// The answer to it: its length is always told, so that a kept connection can be used again.
[[nodiscard]] std::string legacy_answer(const LegacyRequest& request, std::string_view body);

}  // namespace holdfast
