#include "codec/http1/target.h"

#include "codec/http1/characters.h"

namespace holdfast::http1 {
namespace {

constexpr int max_port = 65535;

Unexpected refuse() { return unexpected(make_error(ErrorCode::malformed_request)); }

// What follows `http://` or `https://`; empty if the text begins with neither.
std::string_view after_scheme(std::string_view text) {
  for (const std::string_view scheme :
       {std::string_view("http://"), std::string_view("https://")}) {
    if (equal_ignoring_case(text.substr(0, scheme.size()), scheme)) {
      return text.substr(scheme.size());
    }
  }
  return {};
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
    return refuse();
  }
  if (text.front() == '/') {
    return Target{text, {}};
  }
  if (text == "*") {
    return method == Method::options ? Result<Target>(Target{text, {}}) : refuse();
  }
  const std::string_view rest = after_scheme(text);
  const std::size_t authority_end = rest.find_first_of("/?");
  const std::string_view authority = rest.substr(0, authority_end);
  if (!valid_host(authority)) {
    return refuse();
  }
  if (authority_end == std::string_view::npos) {
    return Target{method == Method::options ? "*" : "/", authority};
  }
  if (rest[authority_end] == '?') {
    return refuse();
  }
  return Target{rest.substr(authority_end), authority};
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

Result<std::string_view> choose_host(Version version, std::string_view authority,
                                     const Field* field) {
  if (field == nullptr) {
    return version == Version::http11 ? Result<std::string_view>(refuse()) : authority;
  }
  if (!valid_host(field->value)) {
    return refuse();
  }
  if (!authority.empty() && !equal_ignoring_case(authority, field->value)) {
    return refuse();
  }
  return field->value;
}

}  // namespace holdfast::http1
