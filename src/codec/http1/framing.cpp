#include "codec/http1/framing.h"

#include <algorithm>
#include <array>
#include <limits>

#include "codec/http1/characters.h"
#include "codec/http1/hop_by_hop.h"
#include "codec/http1/refusal.h"

namespace holdfast::http1 {
namespace {

// 19 digits do not overflow 64 bits, and no INT64_MAX has more.
constexpr std::size_t max_length_digits = 19;
constexpr std::uint64_t max_length = std::numeric_limits<std::int64_t>::max();

// The registered transfer codings beside chunked. A sender of one is answered that it is not known
// here; a sender of anything else that it is malformed.
constexpr std::array<std::string_view, 5> other_codings = {"gzip", "x-gzip", "deflate", "compress",
                                                           "x-compress"};

// True for registered codings that end with chunked.
bool well_formed_codings(std::string_view list) {
  ListElements elements(list);
  std::string_view coding;
  bool ended = false;
  bool any_other = false;
  while (elements.next(coding)) {
    if (ended) {
      return false;
    }
    if (equal_ignoring_case(coding, "chunked")) {
      ended = true;
      continue;
    }
    any_other = true;
    const auto same = [coding](std::string_view known) {
      return equal_ignoring_case(known, coding);
    };
    if (std::ranges::none_of(other_codings, same)) {
      return false;
    }
  }
  return ended && any_other;
}

// What both directions refuse: one field of a kind at most, and not both kinds. Says whether the
// body is chunked.
Result<bool> read_chunked(const FramingFields& fields, Version version, ErrorCode malformed) {
  if (fields.codings == 0) {
    return fields.lengths > 1 ? Result<bool>(refuse(malformed)) : false;
  }
  if (fields.codings > 1 || fields.lengths > 0 || version == Version::http10) {
    return refuse(malformed);
  }
  if (!equal_ignoring_case(fields.coding, "chunked")) {
    return refuse(malformed == ErrorCode::malformed_request && well_formed_codings(fields.coding)
                      ? ErrorCode::unknown_transfer_coding
                      : malformed);
  }
  return true;
}

Framing chunked_framing() {
  Framing framing;
  framing.body = BodyKind::chunked;
  return framing;
}

// The framing of an answer that has no body whatever its fields say. `length` is null if it has no
// Content-Length.
Framing bodyless(const AnswerContext& context, bool chunked, const std::uint64_t* length) {
  Framing framing;
  if (context.status == 205) {
    // RFC 9110 section 15.3.6 forbids content, but RFC 9112 section 6.3 lets it be framed like any
    // other: so the client is told a length of 0, and only a backend that said the same is
    // believed.
    framing.announces_length = true;
    framing.doubtful = length == nullptr || *length != 0;
    return framing;
  }
  if (context.status == 204) {
    framing.doubtful = chunked || (length != nullptr && *length != 0);
    return framing;
  }
  // HEAD and 304 describe the answer that would have been (RFC 9110 sections 8.6 and 15.4.5).
  framing.announces_length = length != nullptr;
  framing.content_length = length != nullptr ? *length : 0;
  framing.doubtful = chunked && context.status == 304;
  return framing;
}

}  // namespace

Result<std::uint64_t> read_content_length(std::string_view text) {
  if (text.empty() || text.size() > max_length_digits) {
    return refuse(ErrorCode::malformed_request);
  }
  std::uint64_t length = 0;
  for (const char c : text) {
    if (!is_digit(c)) {
      return refuse(ErrorCode::malformed_request);
    }
    length = length * 10 + static_cast<std::uint64_t>(c - '0');
  }
  if (length > max_length) {
    return refuse(ErrorCode::malformed_request);
  }
  return length;
}

Result<Framing> frame_request(const FramingFields& fields, Version version) {
  const Result<bool> chunked = read_chunked(fields, version, ErrorCode::malformed_request);
  if (!chunked) {
    return unexpected(chunked.error());
  }
  if (*chunked) {
    return chunked_framing();
  }
  Framing framing;
  if (fields.lengths == 1) {
    const Result<std::uint64_t> length = read_content_length(fields.length);
    if (!length) {
      return unexpected(length.error());
    }
    framing.body = BodyKind::length;
    framing.content_length = *length;
  }
  return framing;
}

Result<Framing> frame_response(const FramingFields& fields, const AnswerContext& context) {
  constexpr ErrorCode malformed = ErrorCode::malformed_response;
  const Result<bool> chunked = read_chunked(fields, context.version, malformed);
  if (!chunked) {
    return unexpected(chunked.error());
  }
  std::uint64_t length = 0;
  if (fields.lengths == 1) {
    const Result<std::uint64_t> read = read_content_length(fields.length);
    if (!read) {
      return refuse(malformed);
    }
    length = *read;
  }
  if (context.status < 200) {
    // An interim answer with a body would be read as another answer (RFC 9110 section 15.2).
    const bool framed = *chunked || fields.lengths > 0 || context.version == Version::http10;
    return framed ? Result<Framing>(refuse(malformed)) : Framing{};
  }
  if (context.method == Method::head || context.status == 204 || context.status == 205 ||
      context.status == 304) {
    return bodyless(context, *chunked, fields.lengths == 1 ? &length : nullptr);
  }
  if (*chunked) {
    return chunked_framing();
  }
  Framing framing;
  framing.body = fields.lengths == 1 ? BodyKind::length : BodyKind::until_close;
  framing.content_length = length;
  return framing;
}

}  // namespace holdfast::http1
