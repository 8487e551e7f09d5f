#include "codec/http1/start_line.h"

#include <algorithm>
#include <array>

#include "codec/http1/characters.h"
#include "codec/http1/refusal.h"

namespace holdfast::http1 {
namespace {

constexpr std::size_t version_bytes = 8;  // HTTP/1.1

struct KnownMethod {
  std::string_view text;
  Method method;
};

// All methods that are known here; all other tokens are answered with 501. Those under
// Method::other are registered, harmless, and known to llhttp as well. Method names are
// case-sensitive.
constexpr std::array known_methods = {
    KnownMethod{"GET", Method::get},          KnownMethod{"POST", Method::post},
    KnownMethod{"HEAD", Method::head},        KnownMethod{"PUT", Method::put},
    KnownMethod{"DELETE", Method::delete_},   KnownMethod{"OPTIONS", Method::options},
    KnownMethod{"PATCH", Method::patch},      KnownMethod{"CONNECT", Method::connect},
    KnownMethod{"TRACE", Method::trace},      KnownMethod{"ACL", Method::other},
    KnownMethod{"BIND", Method::other},       KnownMethod{"CHECKOUT", Method::other},
    KnownMethod{"COPY", Method::other},       KnownMethod{"LINK", Method::other},
    KnownMethod{"LOCK", Method::other},       KnownMethod{"MERGE", Method::other},
    KnownMethod{"MKACTIVITY", Method::other}, KnownMethod{"MKCALENDAR", Method::other},
    KnownMethod{"MKCOL", Method::other},      KnownMethod{"MOVE", Method::other},
    KnownMethod{"NOTIFY", Method::other},     KnownMethod{"PROPFIND", Method::other},
    KnownMethod{"PROPPATCH", Method::other},  KnownMethod{"PURGE", Method::other},
    KnownMethod{"REBIND", Method::other},     KnownMethod{"REPORT", Method::other},
    KnownMethod{"SEARCH", Method::other},     KnownMethod{"SUBSCRIBE", Method::other},
    KnownMethod{"UNBIND", Method::other},     KnownMethod{"UNLINK", Method::other},
    KnownMethod{"UNLOCK", Method::other},     KnownMethod{"UNSUBSCRIBE", Method::other},
};

static_assert(std::ranges::all_of(known_methods, [](const KnownMethod& known) {
  return known.text.size() <= max_method_bytes;
}));

// Which method it is, if it is one that is carried.
Result<Method> read_method(std::string_view text) {
  for (const KnownMethod& known : known_methods) {
    if (known.text == text) {
      if (known.method == Method::connect || known.method == Method::trace) {
        return refuse(ErrorCode::method_not_allowed);
      }
      return known.method;
    }
  }
  return refuse(ErrorCode::unknown_method);
}

// HTTP-version (RFC 9112 section 2.3). A well-formed version that is newer than ours is told apart
// from text that is no version; HTTP/0.9 never names itself.
Result<Version> read_version(std::string_view text) {
  constexpr std::string_view name = "HTTP/";
  if (text.size() != version_bytes || text.substr(0, name.size()) != name || text[6] != '.' ||
      !is_digit(text[5]) || !is_digit(text[7]) || text[5] == '0') {
    return refuse(ErrorCode::malformed_request);
  }
  if (text[5] != '1' || text[7] > '1') {
    return refuse(ErrorCode::unsupported_version);
  }
  return text[7] == '1' ? Version::http11 : Version::http10;
}

}  // namespace

Result<void> judge_request_prefix(std::string_view prefix, std::size_t target_bytes) {
  // No method begins with anything else, and it must not take a whole line to tell stray bytes.
  if (!prefix.empty() && (prefix[0] < 'A' || prefix[0] > 'Z')) {
    return refuse(ErrorCode::malformed_request);
  }
  const std::size_t looked_at = std::min(prefix.size(), max_method_bytes + 1);
  std::size_t method_bytes = 0;
  while (method_bytes < looked_at && prefix[method_bytes] != ' ') {
    if (!has_class(prefix[method_bytes], token_character)) {
      return refuse(ErrorCode::malformed_request);
    }
    ++method_bytes;
  }
  if (method_bytes > max_method_bytes) {
    return refuse(ErrorCode::unknown_method);
  }
  if (method_bytes == prefix.size()) {
    return {};
  }
  const std::string_view rest = prefix.substr(method_bytes + 1);
  if (rest.size() <= target_bytes) {
    return {};
  }
  const std::size_t target_end = rest.substr(0, target_bytes + 1).find(' ');
  if (target_end == std::string_view::npos) {
    return refuse(ErrorCode::target_too_long);
  }
  if (rest.size() - target_end - 1 > version_bytes) {
    return refuse(ErrorCode::malformed_request);
  }
  return {};
}

Result<RequestLine> read_request_line(std::string_view line, std::size_t target_bytes) {
  if (const Result<void> judged = judge_request_prefix(line, target_bytes); !judged) {
    return unexpected(judged.error());
  }
  const std::size_t first = line.find(' ');
  const std::size_t second = line.find(' ', first == std::string_view::npos ? first : first + 1);
  if (second == std::string_view::npos || second == first + 1) {
    return refuse(ErrorCode::malformed_request);
  }
  const Result<Version> version = read_version(line.substr(second + 1));
  if (!version) {
    return unexpected(version.error());
  }
  const std::string_view method_text = line.substr(0, first);
  const Result<Method> method = read_method(method_text);
  if (!method) {
    return unexpected(method.error());
  }
  return RequestLine{*method, method_text, line.substr(first + 1, second - first - 1), *version};
}

bool may_begin_status_line(std::string_view prefix) {
  constexpr std::string_view begin = "HTTP/1.";
  return begin.starts_with(prefix.substr(0, begin.size()));
}

Result<StatusLine> read_status_line(std::string_view line) {
  constexpr std::size_t status_at = version_bytes + 1;
  constexpr std::size_t status_end = status_at + 3;
  const bool shaped = line.size() >= status_end && line.starts_with("HTTP/1.") &&
                      (line[7] == '0' || line[7] == '1') && line[version_bytes] == ' ' &&
                      line[status_at] >= '1' && is_digit(line[status_at]) &&
                      is_digit(line[status_at + 1]) && is_digit(line[status_at + 2]) &&
                      (line.size() == status_end || line[status_end] == ' ');
  if (!shaped) {
    return refuse(ErrorCode::malformed_response);
  }
  StatusLine read;
  read.version = line[7] == '1' ? Version::http11 : Version::http10;
  read.status = (line[status_at] - '0') * 100 + (line[status_at + 1] - '0') * 10 +
                (line[status_at + 2] - '0');
  if (line.size() > status_end) {
    read.reason = line.substr(status_end + 1);
  }
  return read;
}

}  // namespace holdfast::http1
