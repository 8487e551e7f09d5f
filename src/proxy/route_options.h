#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace holdfast {

// One route of a listener: where requests for this host and below this path go.
struct RouteOptions {
  std::string host;        // a name in lower case, "*.suffix", or an IP address; empty = any
  std::string path = "/";  // a prefix, without percent-encoding
  std::string upstream;
};

// The longest host of a route.
inline constexpr std::size_t max_route_host_bytes = 255;

// A host as routes compare it: without its port and a trailing dot, in lower case, an IPv6 address
// in its shortest form. Written into `room`; empty if the host has no room there, which is that of
// no route.
using HostRoom = std::span<char, max_route_host_bytes>;
[[nodiscard]] std::string_view plain_host(std::string_view host, HostRoom room);

// The longest path of a route.
inline constexpr std::size_t max_route_path_bytes = 1024;

// The path of a route as requests are compared with it: without percent-encoding. Nothing if no
// request could match it, however its path is read, or if it is too long.
[[nodiscard]] std::optional<std::string> plain_route_path(std::string_view path);

}  // namespace holdfast
