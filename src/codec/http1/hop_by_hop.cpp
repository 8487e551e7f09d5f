#include "codec/http1/hop_by_hop.h"

#include <charconv>
#include <system_error>

#include "codec/http1/characters.h"

namespace holdfast::http1 {
namespace {

bool guarded(FieldId id) {
  switch (id) {
    case FieldId::authorization:
    case FieldId::content_length:
    case FieldId::cookie:
    case FieldId::forwarded:
    case FieldId::host:
    case FieldId::transfer_encoding:
    case FieldId::via:
    case FieldId::x_forwarded_for:
    case FieldId::x_forwarded_host:
    case FieldId::x_forwarded_proto:
    case FieldId::x_real_ip:
      return true;
    case FieldId::other:
    case FieldId::authentication_info:
    case FieldId::connection:
    case FieldId::expect:
    case FieldId::http2_settings:
    case FieldId::keep_alive:
    case FieldId::nominated:
    case FieldId::proxy:
    case FieldId::proxy_authenticate:
    case FieldId::proxy_authentication_info:
    case FieldId::proxy_authorization:
    case FieldId::proxy_connection:
    case FieldId::te:
    case FieldId::trailer:
    case FieldId::upgrade:
    case FieldId::www_authenticate:
      return false;
  }
  return false;
}

// `close` and `keep-alive` are options of their own; any other option names a field.
bool names_field(std::string_view option) {
  return !equal_ignoring_case(option, "close") && !equal_ignoring_case(option, "keep-alive");
}

void mark_fields_named(std::string_view name, std::span<Field> fields) {
  for (Field& field : fields) {
    if (!stops_in_response(field.id) && equal_ignoring_case(field.name, name)) {
      field.id = FieldId::nominated;
    }
  }
}

}  // namespace

bool ListElements::next(std::string_view& element) {
  while (!rest_.empty()) {
    const std::size_t comma = rest_.find(',');
    element = trim_blanks(rest_.substr(0, comma));
    rest_ = comma == std::string_view::npos ? std::string_view{} : rest_.substr(comma + 1);
    if (!element.empty()) {
      return true;
    }
  }
  return false;
}

void ConnectionOptions::add_connection(std::string_view value) {
  ListElements elements(value);
  std::string_view option;
  while (count <= max_connection_options && elements.next(option)) {
    if (++count > max_connection_options || !all_of_class(option, token_character)) {
      malformed = true;
    } else if (equal_ignoring_case(option, "close")) {
      close = true;
    } else if (equal_ignoring_case(option, "keep-alive")) {
      keep_alive = true;
    } else {
      const FieldId id = field_id(option);
      nominates = true;
      nominates_guarded |= guarded(id);
      nominates_framing |= id == FieldId::content_length || id == FieldId::transfer_encoding;
    }
  }
}

void ConnectionOptions::add_proxy_connection(std::string_view value) {
  ListElements elements(value);
  std::string_view option;
  while (elements.next(option)) {
    close |= equal_ignoring_case(option, "close");
  }
}

bool persists(Version version, const ConnectionOptions& options) {
  if (options.close || options.malformed) {
    return false;
  }
  return version == Version::http11 || options.keep_alive;
}

KeepAliveHint read_keep_alive(std::string_view value) {
  KeepAliveHint hint;
  ListElements elements(value);
  std::string_view element;
  while (elements.next(element)) {
    const std::size_t equals = element.find('=');
    if (equals == std::string_view::npos) {
      continue;
    }
    const std::string_view name = element.substr(0, equals);
    const std::string_view digits = element.substr(equals + 1);
    std::uint32_t number = 0;
    const auto [end, failed] = std::from_chars(digits.begin(), digits.end(), number);
    if (failed != std::errc() || end != digits.end()) {
      continue;
    }
    if (equal_ignoring_case(name, "timeout")) {
      hint.timeout = number;
    } else if (equal_ignoring_case(name, "max")) {
      hint.max = number;
    }
  }
  return hint;
}

void mark_nominated(std::span<Field> fields) {
  for (const Field& field : fields) {
    if (field.id != FieldId::connection) {
      continue;
    }
    ListElements elements(field.value);
    std::string_view option;
    while (elements.next(option)) {
      if (names_field(option)) {
        mark_fields_named(option, fields);
      }
    }
  }
}

bool stops_in_request(FieldId id) {
  switch (id) {
    case FieldId::expect:
    case FieldId::host:
    case FieldId::proxy:
    case FieldId::proxy_authorization:
      return true;
    case FieldId::other:
    case FieldId::authentication_info:
    case FieldId::authorization:
    case FieldId::connection:
    case FieldId::content_length:
    case FieldId::cookie:
    case FieldId::forwarded:
    case FieldId::http2_settings:
    case FieldId::keep_alive:
    case FieldId::nominated:
    case FieldId::proxy_authenticate:
    case FieldId::proxy_authentication_info:
    case FieldId::proxy_connection:
    case FieldId::te:
    case FieldId::trailer:
    case FieldId::transfer_encoding:
    case FieldId::upgrade:
    case FieldId::via:
    case FieldId::www_authenticate:
    case FieldId::x_forwarded_for:
    case FieldId::x_forwarded_host:
    case FieldId::x_forwarded_proto:
    case FieldId::x_real_ip:
      return stops_in_response(id);
  }
  return true;
}

bool stops_in_response(FieldId id) {
  switch (id) {
    case FieldId::connection:
    case FieldId::content_length:
    case FieldId::http2_settings:
    case FieldId::keep_alive:
    case FieldId::nominated:
    case FieldId::proxy_connection:
    case FieldId::te:
    case FieldId::trailer:
    case FieldId::transfer_encoding:
    case FieldId::upgrade:
      return true;
    case FieldId::other:
    case FieldId::authentication_info:
    case FieldId::authorization:
    case FieldId::cookie:
    case FieldId::expect:
    case FieldId::forwarded:
    case FieldId::host:
    case FieldId::proxy:
    case FieldId::proxy_authenticate:
    case FieldId::proxy_authentication_info:
    case FieldId::proxy_authorization:
    case FieldId::via:
    case FieldId::www_authenticate:
    case FieldId::x_forwarded_for:
    case FieldId::x_forwarded_host:
    case FieldId::x_forwarded_proto:
    case FieldId::x_real_ip:
      return false;
  }
  return true;
}

bool binds_connection(std::string_view value) {
  ListElements elements(value);
  std::string_view challenge;
  while (elements.next(challenge)) {
    const std::string_view scheme = challenge.substr(0, challenge.find_first_of(" \t"));
    if (equal_ignoring_case(scheme, "ntlm") || equal_ignoring_case(scheme, "negotiate")) {
      return true;
    }
  }
  return false;
}

}  // namespace holdfast::http1
