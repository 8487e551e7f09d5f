#include "ports/ephemeral_range.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <string>

#include "ports/proc_file.h"

namespace holdfast {
namespace {

// Takes a port off the front of `text`; false if there is none.
bool take_port(std::string_view& text, std::uint16_t& port) {
  const char* begin = text.begin();
  const auto [end, error] = std::from_chars(begin, text.end(), port);
  if (error != std::errc()) {
    return false;
  }
  text.remove_prefix(static_cast<std::size_t>(end - begin));
  return true;
}

bool skip(std::string_view& text, char expected) {
  if (!text.starts_with(expected)) {
    return false;
  }
  text.remove_prefix(1);
  return true;
}

void skip_blanks(std::string_view& text) {
  text.remove_prefix(std::min(text.find_first_not_of(" \t\n"), text.size()));
}

}  // namespace

std::optional<EphemeralRange> EphemeralRange::parse(std::string_view range,
                                                    std::string_view reserved) {
  std::uint16_t first = 0;
  std::uint16_t last = 0;
  skip_blanks(range);
  if (!take_port(range, first)) {
    return std::nullopt;
  }
  skip_blanks(range);
  if (!take_port(range, last) || last < first) {
    return std::nullopt;
  }
  EphemeralRange result;
  for (std::size_t port = first; port <= last; ++port) {
    result.ports_.set(port);
  }
  skip_blanks(reserved);
  while (!reserved.empty()) {
    if (!take_port(reserved, first)) {
      return std::nullopt;
    }
    last = first;
    if (skip(reserved, '-') && !take_port(reserved, last)) {
      return std::nullopt;
    }
    for (std::size_t port = first; port <= last; ++port) {
      result.ports_.reset(port);
    }
    skip_blanks(reserved);
    if (!reserved.empty() && !skip(reserved, ',')) {
      return std::nullopt;
    }
  }
  return result;
}

std::size_t EphemeralRange::size_within(std::uint16_t first, std::uint16_t last) const {
  std::size_t count = 0;
  for (std::size_t port = first; port <= last; ++port) {
    count += ports_.test(port) ? 1 : 0;
  }
  return count;
}

Result<EphemeralRange> EphemeralRange::read() {
  const Result<std::string> range = read_proc_file("/proc/sys/net/ipv4/ip_local_port_range");
  if (!range) {
    return unexpected(range.error());
  }
  const Result<std::string> reserved = read_proc_file("/proc/sys/net/ipv4/ip_local_reserved_ports");
  if (!reserved) {
    return unexpected(reserved.error());
  }
  const std::optional<EphemeralRange> parsed = parse(*range, *reserved);
  if (!parsed) {
    return unexpected(make_error(ErrorCode::local_failure, EINVAL));
  }
  return *parsed;
}

}  // namespace holdfast
