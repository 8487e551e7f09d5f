#include "proxy/route_options.h"

#include <algorithm>

#include "net/address.h"
#include "proxy/path_readings.h"

namespace holdfast {
namespace {

std::string_view without_port(std::string_view host) {
  const std::size_t literal_end = host.starts_with('[') ? host.find(']') : 0;
  return host.substr(0, host.find(':', literal_end));
}

}  // namespace

std::string_view plain_host(std::string_view host, HostRoom room) {
  host = without_port(host);
  if (host.starts_with('[') && host.ends_with(']')) {
    static_assert(IpAddress::max_text + 2 <= max_route_host_bytes);
    if (const auto address = IpAddress::parse(host.substr(1, host.size() - 2))) {
      const std::size_t bytes = address->write_text(room.data() + 1).size();
      room[0] = '[';
      room[bytes + 1] = ']';
      return {room.data(), bytes + 2};
    }
  }
  host.remove_suffix(host.ends_with('.') ? 1 : 0);
  if (host.size() > room.size()) {
    return {};
  }
  std::transform(host.begin(), host.end(), room.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return {room.data(), host.size()};
}

std::optional<std::string> plain_route_path(std::string_view path) {
  PathReadings readings(path);
  if (readings.hopeless()) {
    return std::nullopt;
  }
  std::string plain(readings.next());
  for (std::string_view other = readings.next(); !other.empty(); other = readings.next()) {
    if (other != plain) {
      return std::nullopt;
    }
  }
  return plain.size() <= max_route_path_bytes ? std::optional(std::move(plain)) : std::nullopt;
}

}  // namespace holdfast
