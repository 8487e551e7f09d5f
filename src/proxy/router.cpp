#include "proxy/router.h"

#include <algorithm>
#include <array>
#include <map>

#include "proxy/path_readings.h"

namespace holdfast {
namespace {

constexpr std::size_t nowhere = SIZE_MAX;

// "*.example.test" as "tset.elpmaxe.": what a matching host begins with when it is read backwards.
std::string reversed_pattern(std::string_view host) {
  host.remove_prefix(host.starts_with('*') ? 1 : 0);
  return {host.rbegin(), host.rend()};
}

bool is_suffix(std::string_view reversed) { return reversed.empty() || reversed.back() == '.'; }

// The last segment of a route's path is whole in the request's: /v1 is not the beginning of /v10.
bool begins_with(std::string_view path, std::string_view prefix) {
  return path.starts_with(prefix) &&
         (prefix.back() == '/' || path.size() == prefix.size() || path[prefix.size()] == '/');
}

// False if every backend reads the path as it stands: it has no encoding, no segment that is empty
// or begins with a dot, and no other separator.
bool is_doubtful(std::string_view path) {
  bool after_separator = false;
  for (const char c : path) {
    if (c == '%' || c == '\\' || c == ';' || (after_separator && (c == '/' || c == '.'))) {
      return true;
    }
    after_separator = c == '/';
  }
  return false;
}

}  // namespace

Router::Router(std::span<const RouteOptions> routes) {
  std::map<std::string, std::vector<RouteOptions>> by_host;
  for (const RouteOptions& route : routes) {
    by_host[reversed_pattern(route.host)].push_back(route);
  }
  std::vector<std::string> hosts;
  for (auto& [host, its_routes] : by_host) {
    hosts.push_back(host);
    std::sort(its_routes.begin(), its_routes.end(),
              [](const RouteOptions& a, const RouteOptions& b) { return a.path < b.path; });
    add_host(its_routes);
  }
  hosts_ = PrefixTable(std::move(hosts));
}

void Router::add_host(std::span<const RouteOptions> routes) {
  Paths& paths = paths_.emplace_back();
  std::vector<std::string> keys;
  for (const RouteOptions& route : routes) {
    keys.push_back(route.path);
    paths.upstreams.push_back(upstream_number(route.upstream));
  }
  paths.any = keys.size() == 1 && keys.front() == "/";
  paths.table = PrefixTable(std::move(keys));
}

std::size_t Router::upstream_number(const std::string& name) {
  const auto at = std::find(upstreams_.begin(), upstreams_.end(), name);
  if (at == upstreams_.end()) {
    upstreams_.push_back(name);
    return upstreams_.size() - 1;
  }
  return static_cast<std::size_t>(at - upstreams_.begin());
}

// This host or the next less specific one that matches.
std::size_t Router::next_host(std::size_t number, std::string_view reversed) const {
  while (number != PrefixTable::none) {
    const std::string& key = hosts_.key(number);
    const bool matches = is_suffix(key) ? reversed.size() > key.size() && reversed.starts_with(key)
                                        : reversed == key;
    if (matches || key.empty()) {
      return number;
    }
    number = hosts_.above(number);
  }
  return PrefixTable::none;
}

Result<std::size_t> Router::find(std::string_view host, std::string_view target) const {
  std::array<char, max_route_host_bytes> room;
  const std::string_view plain = plain_host(host, HostRoom(room));
  std::reverse(room.begin(), room.begin() + static_cast<std::ptrdiff_t>(plain.size()));
  const std::string_view reversed = plain;
  const std::size_t first = next_host(hosts_.neighbour(reversed), reversed);
  if (first == PrefixTable::none) {
    return unexpected(make_error(ErrorCode::no_route));
  }
  if (paths_[first].any) {
    return paths_[first].upstreams.front();
  }
  const std::string_view path = target.substr(0, target.find('?'));
  if (!path.starts_with('/') || is_doubtful(path)) {
    return agree(first, reversed, path);
  }
  const std::size_t found = find_path(first, reversed, path);
  return found != nowhere ? Result<std::size_t>(found)
                          : unexpected(make_error(ErrorCode::no_route));
}

// The upstream for a path as it stands: that of the host, else that of the next less specific one.
std::size_t Router::find_path(std::size_t host, std::string_view reversed,
                              std::string_view path) const {
  while (host != PrefixTable::none) {
    const Paths& paths = paths_[host];
    std::size_t at = paths.table.neighbour(path);
    while (at != PrefixTable::none && !begins_with(path, paths.table.key(at))) {
      at = paths.table.above(at);
    }
    if (at != PrefixTable::none) {
      return paths.upstreams[at];
    }
    host = next_host(hosts_.above(host), reversed);
  }
  return nowhere;
}

// The upstream that every reading of the path leads to.
Result<std::size_t> Router::agree(std::size_t host, std::string_view reversed,
                                  std::string_view path) const {
  PathReadings readings(path);
  if (readings.hopeless()) {
    return unexpected(make_error(ErrorCode::ambiguous_path));
  }
  const std::size_t first = find_path(host, reversed, readings.next());
  for (std::string_view other = readings.next(); !other.empty(); other = readings.next()) {
    if (find_path(host, reversed, other) != first) {
      return unexpected(make_error(ErrorCode::ambiguous_path));
    }
  }
  return first != nowhere ? Result<std::size_t>(first)
                          : unexpected(make_error(ErrorCode::no_route));
}

}  // namespace holdfast
