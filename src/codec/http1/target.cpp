#include "codec/http1/target.h"

#include <array>

#include "codec/http1/characters.h"
#include "codec/http1/refusal.h"

namespace holdfast::http1 {
namespace {

constexpr int max_port = 65535;

struct Scheme {
  std::string_view text;
  std::string_view default_port;
};

constexpr std::array<Scheme, 2> schemes = {{{"http://", "80"}, {"https://", "443"}}};

// The scheme that the text begins with; null if it is none of ours.
const Scheme* scheme_of(std::string_view text) {
  for (const Scheme& scheme : schemes) {
    if (equal_ignoring_case(text.substr(0, scheme.text.size()), scheme.text)) {
      return &scheme;
    }
  }
  return nullptr;
}

// A valid host, taken apart. The port is the default one if it is empty or missing.
struct HostAndPort {
  std::string_view host;
  std::string_view port;
};

HostAndPort take_apart(std::string_view host, std::string_view default_port) {
  const std::size_t literal_end = host.starts_with('[') ? host.find(']') : 0;
  const std::size_t colon = host.find(':', literal_end);
  if (colon == std::string_view::npos || colon + 1 == host.size()) {
    return {host.substr(0, colon), default_port};
  }
  return {host.substr(0, colon), host.substr(colon + 1)};
}

// Both name the same host and port.
bool same_authority(std::string_view a, std::string_view b, std::string_view default_port) {
  const HostAndPort first = take_apart(a, default_port);
  const HostAndPort second = take_apart(b, default_port);
  return equal_ignoring_case(first.host, second.host) && first.port == second.port;
}

// *DIGIT that is a port number. It may be empty (RFC 3986 section 3.2.3).
bool valid_port(std::string_view port) {
  int value = 0;
  for (const char c : port) {
    if (!is_digit(c)) {
      return false;
    }
    value = value * 10 + (c - '0');
    if (value > max_port) {
      return false;
    }
  }
  return true;
}

// reg-name or IPv4address; each % is followed by two HEXDIG (RFC 3986 section 3.2.2).
bool valid_name(std::string_view name) {
  if (name.empty() || !all_of_class(name, host_character)) {
    return false;
  }
  for (std::size_t at = name.find('%'); at != std::string_view::npos; at = name.find('%', at + 1)) {
    if (at + 2 >= name.size() || hex_value(name[at + 1]) < 0 || hex_value(name[at + 2]) < 0) {
      return false;
    }
  }
  return true;
}

// The inside of an IP-literal: an IPv6address, by its characters; what it names is not our concern.
bool valid_literal(std::string_view literal) {
  for (const char c : literal) {
    if (hex_value(c) < 0 && c != ':' && c != '.') {
      return false;
    }
  }
  return literal.size() >= 2;
}

}  // namespace

Result<Target> read_target(Method method, std::string_view text) {
  if (text.empty() || !all_of_class(text, target_character)) {
    return refuse(ErrorCode::malformed_request);
  }
  if (text.front() == '/') {
    return Target{.path = text};
  }
  if (text == "*") {
    return method == Method::options ? Result<Target>(Target{.path = text})
                                     : refuse(ErrorCode::malformed_request);
  }
  const Scheme* scheme = scheme_of(text);
  if (scheme == nullptr) {
    return refuse(ErrorCode::malformed_request);
  }
  const std::string_view rest = text.substr(scheme->text.size());
  const std::size_t authority_end = rest.find_first_of("/?");
  const std::string_view authority = rest.substr(0, authority_end);
  if (!valid_host(authority)) {
    return refuse(ErrorCode::malformed_request);
  }
  if (authority_end == std::string_view::npos) {
    return Target{method == Method::options ? "*" : "/", authority, scheme->default_port};
  }
  return Target{rest.substr(authority_end), authority, scheme->default_port};
}

bool valid_host(std::string_view host) {
  if (host.starts_with('[')) {
    const std::size_t close = host.find(']');
    if (close == std::string_view::npos || !valid_literal(host.substr(1, close - 1))) {
      return false;
    }
    const std::string_view rest = host.substr(close + 1);
    return rest.empty() || (rest.front() == ':' && valid_port(rest.substr(1)));
  }
  const std::size_t colon = host.find(':');
  return valid_name(host.substr(0, colon)) &&
         (colon == std::string_view::npos || valid_port(host.substr(colon + 1)));
}

Result<std::string_view> choose_host(Version version, const Target& target, const Field* field) {
  if (field == nullptr) {
    return version == Version::http11
               ? Result<std::string_view>(refuse(ErrorCode::malformed_request))
               : target.authority;
  }
  if (!valid_host(field->value)) {
    return refuse(ErrorCode::malformed_request);
  }
  if (target.authority.empty()) {
    return field->value;
  }
  if (!same_authority(target.authority, field->value, target.default_port)) {
    return refuse(ErrorCode::malformed_request);
  }
  return target.authority;
}

}  // namespace holdfast::http1
