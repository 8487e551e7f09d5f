#pragma once

#include <cstdint>
#include <string_view>

namespace holdfast::http1 {

// The fields that holdfast itself reads, writes or removes. All others are carried as they are.
enum class FieldId : std::uint8_t {
  other,
  authentication_info,
  authorization,
  connection,
  content_length,
  cookie,
  expect,
  forwarded,
  host,
  http2_settings,
  keep_alive,
  // A plain field that this head's Connection names: it goes no further (RFC 9110 section 7.6.1).
  // Never the answer of field_id(): the decoder marks it.
  nominated,
  proxy,
  proxy_authenticate,
  proxy_authentication_info,
  proxy_authorization,
  proxy_connection,
  te,
  trailer,
  transfer_encoding,
  upgrade,
  via,
  www_authenticate,
  x_forwarded_for,
  x_forwarded_host,
  x_forwarded_proto,
  x_real_ip,
};

// One field line: views into the head it came from. The value has no leading or trailing blanks.
struct Field {
  std::string_view name;
  std::string_view value;
  FieldId id = FieldId::other;
  // The line stands in its head as holdfast writes it: the name, a colon, one space, the value,
  // CRLF.
  bool plain = false;
};

// Which field a name is, whatever its case (RFC 9110 section 5.1).
[[nodiscard]] FieldId field_id(std::string_view name);

enum class HeadKind : std::uint8_t { request, response };

// True for a non-empty name made of tchars only (RFC 9110 section 5.6.2). In a request it has no
// underscore either: many backends read Content_Length as Content-Length. No client does.
[[nodiscard]] bool valid_field_name(HeadKind kind, std::string_view name);

// True if the value has only HTAB, SP, VCHAR and obs-text (RFC 9110 section 5.5).
[[nodiscard]] bool valid_field_value(std::string_view value);

// Equality of ASCII text whatever its case.
[[nodiscard]] bool equal_ignoring_case(std::string_view a, std::string_view b);

// True for X-Request-ID. It has no FieldId: only some requests are asked.
[[nodiscard]] inline bool is_request_id(const Field& field) {
  constexpr std::string_view name = "x-request-id";
  return field.name.size() == name.size() && equal_ignoring_case(field.name, name);
}

}  // namespace holdfast::http1
