#include "config/route_values.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "config/diagnostic.h"
#include "proxy/route_options.h"

namespace holdfast {
namespace {

using Refused = tl::unexpected<Complaint>;

std::string_view host_hint(std::string_view text) {
  if (text == "*") {
    return "leave the host out for any host";
  }
  if (text.find("://") != std::string_view::npos) {
    return "leave out the scheme";
  }
  if (text.find('/') != std::string_view::npos) {
    return "a path has a key of its own, 'path'";
  }
  if (text.find('*') != std::string_view::npos) {
    return "a '*' stands for the beginning only: write \"*.example.test\"";
  }
  if (!text.starts_with('[') && std::count(text.begin(), text.end(), ':') > 1) {
    return "an IPv6 address stands in brackets: write \"[::1]\"";
  }
  if (read_host_name(text)) {
    return "leave out the port: hosts are compared without it";
  }
  return "write a name such as api.example.test, \"*.example.test\", or an address";
}

std::string_view path_hint(std::string_view text) {
  if (text.find("://") != std::string_view::npos) {
    return "write the path alone, such as /v1";
  }
  if (!text.starts_with('/')) {
    return "it begins with '/'";
  }
  if (text.find('*') != std::string_view::npos) {
    return "it is the beginning of a path and needs no '*'";
  }
  return "write the path alone, without a query, such as /v1";
}

// Bytes that stand for themselves in the path of a route, encoded or not.
bool is_plain_path(std::string_view path) {
  return std::none_of(path.begin(), path.end(), [](char c) {
    return (c >= 0 && c <= ' ') || c == '\x7f' || c == '?' || c == '#' || c == '*';
  });
}

}  // namespace

Reading<std::string> read_route_host(std::string_view text) {
  const bool is_suffix = text.starts_with("*.");
  const std::string_view name = text.substr(is_suffix ? 2 : 0);
  std::array<char, max_route_host_bytes> room;
  const std::string_view plain = plain_host(name, HostRoom(room));
  // A port is one byte more at least; a dot at the end is the only other thing that goes.
  const bool has_port = plain.size() < name.size() && !name.ends_with('.') && name.back() != ']';
  const bool is_address =
      name.find_first_not_of("0123456789.") == std::string_view::npos || name.starts_with('[');
  if (plain.empty() || has_port || !read_host_name(name) || (is_suffix && is_address)) {
    return Refused(Complaint{fmt::format("{} is not the host of a route", in_quotes(text)),
                             std::string(host_hint(text))});
  }
  return (is_suffix ? "*." : "") + std::string(plain);
}

Reading<std::string> read_route_path(std::string_view text) {
  if (!text.starts_with('/') || !is_plain_path(text)) {
    return Refused(Complaint{fmt::format("{} is not the path of a route", in_quotes(text)),
                             std::string(path_hint(text))});
  }
  if (text.size() > max_route_path_bytes) {
    return Refused(Complaint{
        fmt::format("the path of a route has at most {} bytes", max_route_path_bytes), ""});
  }
  if (const std::optional<std::string> path = plain_route_path(text)) {
    return *path;
  }
  return Refused(Complaint{fmt::format("{} could never match", in_quotes(text)),
                           "leave out empty segments, '.', '..', ';' and encoded slashes"});
}

}  // namespace holdfast
