#include "net/address.h"

#include <arpa/inet.h>

#include <array>
#include <charconv>
#include <cstddef>
#include <cstring>

#include "base/check.h"

namespace holdfast {
namespace {

std::optional<std::uint16_t> parse_port(std::string_view text) {
  unsigned port = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (text.empty() || failure != std::errc() || end != text.data() + text.size() || port > 65535) {
    return std::nullopt;
  }
  return static_cast<std::uint16_t>(port);
}

constexpr std::string_view unix_scheme = "unix:";

// The system's parser would stop there and never see the rest.
bool has_zero_byte(std::string_view text) { return text.find('\0') != std::string_view::npos; }

// A byte of an IPv4 address as text, with the dot that follows it.
struct Octet {
  char text[4]{};
  std::uint8_t bytes = 0;
};

constexpr std::array<Octet, 256> octets = [] {
  std::array<Octet, 256> table{};
  for (unsigned value = 0; value < table.size(); ++value) {
    Octet& octet = table[value];
    for (unsigned unit = 100; unit > 0; unit /= 10) {
      if (value >= unit || unit == 1) {
        octet.text[octet.bytes++] = static_cast<char>('0' + value / unit % 10);
      }
    }
    octet.text[octet.bytes++] = '.';
  }
  return table;
}();

}  // namespace

std::optional<PortRange> PortRange::parse(std::string_view text) {
  const std::size_t dash = text.find('-');
  if (dash == std::string_view::npos) {
    return std::nullopt;
  }
  const auto first = parse_port(text.substr(0, dash));
  const auto last = parse_port(text.substr(dash + 1));
  if (!first || !last || *first == 0 || *last < *first) {
    return std::nullopt;
  }
  return PortRange{*first, *last};
}

std::string PortRange::text() const {
  return empty() ? "" : std::to_string(first) + '-' + std::to_string(last);
}

SocketAddress::SocketAddress(const sockaddr& from) {
  if (from.sa_family == AF_INET6) {
    std::memcpy(&storage_.v6, &from, sizeof(sockaddr_in6));
  } else {
    check(from.sa_family == AF_INET, "an address of an unknown family");
    std::memcpy(&storage_.v4, &from, sizeof(sockaddr_in));
  }
}

std::optional<SocketAddress> SocketAddress::parse(std::string_view text) {
  if (has_zero_byte(text)) {
    return std::nullopt;
  }
  if (text.starts_with(unix_scheme)) {
    return parse_unix(text.substr(unix_scheme.size()));
  }
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) {
    return std::nullopt;
  }
  const auto port = parse_port(text.substr(colon + 1));
  std::string host(text.substr(0, colon));
  if (!port) {
    return std::nullopt;
  }
  SocketAddress result;
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') {
    host = host.substr(1, host.size() - 2);
    result.storage_.v6.sin6_family = AF_INET6;
    result.storage_.v6.sin6_port = htons(*port);
    if (inet_pton(AF_INET6, host.c_str(), &result.storage_.v6.sin6_addr) != 1) {
      return std::nullopt;
    }
    return result;
  }
  if (host.empty()) {
    host = "0.0.0.0";
  }
  result.storage_.v4 = {};
  result.storage_.v4.sin_family = AF_INET;
  result.storage_.v4.sin_port = htons(*port);
  if (inet_pton(AF_INET, host.c_str(), &result.storage_.v4.sin_addr) != 1) {
    return std::nullopt;
  }
  return result;
}

// An abstract name begins with a zero byte where people write an @.
std::optional<SocketAddress> SocketAddress::parse_unix(std::string_view path) {
  const bool has_form = path.size() > 1 && (path.front() == '/' || path.front() == '@');
  if (!has_form || path.size() > max_unix_bytes) {
    return std::nullopt;
  }
  SocketAddress result;
  result.storage_.local.sun_family = AF_UNIX;
  path.copy(result.storage_.local.sun_path, path.size());
  if (path.front() == '@') {
    result.storage_.local.sun_path[0] = '\0';
  }
  return result;
}

// Its first byte is '/' or '@'.
std::string SocketAddress::unix_name() const {
  const char* path = storage_.local.sun_path;
  return *path == '\0' ? "@" + std::string(path + 1) : std::string(path);
}

std::string SocketAddress::file() const {
  return is_unix() && storage_.local.sun_path[0] == '/' ? unix_name() : std::string();
}

// The length is part of an abstract name; behind a path stands its zero byte.
socklen_t SocketAddress::raw_bytes() const {
  if (is_unix()) {
    const std::size_t end = storage_.local.sun_path[0] == '/' ? 1 : 0;
    return static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + unix_name().size() + end);
  }
  return is_v6() ? sizeof(sockaddr_in6) : sizeof(sockaddr_in);
}

std::uint16_t SocketAddress::port() const {
  if (is_unix()) {
    return 0;
  }
  return ntohs(is_v6() ? storage_.v6.sin6_port : storage_.v4.sin_port);
}

std::string SocketAddress::text() const {
  if (is_unix()) {
    return std::string(unix_scheme) + unix_name();
  }
  char out[INET6_ADDRSTRLEN] = {};
  if (is_v6()) {
    inet_ntop(AF_INET6, &storage_.v6.sin6_addr, out, sizeof(out));
    return "[" + std::string(out) + "]:" + std::to_string(port());
  }
  inet_ntop(AF_INET, &storage_.v4.sin_addr, out, sizeof(out));
  return std::string(out) + ":" + std::to_string(port());
}

bool operator==(const SocketAddress& a, const SocketAddress& b) {
  if (a.is_unix() || b.is_unix()) {
    return a.is_unix() && b.is_unix() && a.unix_name() == b.unix_name();
  }
  if (a.is_v6() != b.is_v6() || a.port() != b.port()) {
    return false;
  }
  return a.is_v6() ? std::memcmp(&a.storage_.v6.sin6_addr, &b.storage_.v6.sin6_addr, 16) == 0
                   : a.storage_.v4.sin_addr.s_addr == b.storage_.v4.sin_addr.s_addr;
}

bool operator<(const SocketAddress& a, const SocketAddress& b) {
  if (a.is_v6() != b.is_v6()) {
    return b.is_v6();
  }
  const int order = a.is_v6() ? std::memcmp(&a.storage_.v6.sin6_addr, &b.storage_.v6.sin6_addr, 16)
                              : std::memcmp(&a.storage_.v4.sin_addr, &b.storage_.v4.sin_addr, 4);
  return order != 0 ? order < 0 : a.port() < b.port();
}

IpAddress::IpAddress(const sockaddr& from) {
  if (from.sa_family == AF_INET) {
    std::memcpy(bytes_, &reinterpret_cast<const sockaddr_in&>(from).sin_addr, 4);
    return;
  }
  check(from.sa_family == AF_INET6, "an address of an unknown family");
  const in6_addr& address = reinterpret_cast<const sockaddr_in6&>(from).sin6_addr;
  if (IN6_IS_ADDR_V4MAPPED(&address)) {
    std::memcpy(bytes_, &address.s6_addr[12], 4);
  } else {
    std::memcpy(bytes_, &address, 16);
    family_ = Family::v6;
  }
}

IpAddress IpAddress::of_unix_client() {
  IpAddress result;
  result.family_ = Family::local;
  return result;
}

std::optional<IpAddress> IpAddress::parse(std::string_view text) {
  if (has_zero_byte(text)) {
    return std::nullopt;
  }
  char copy[max_text] = {};
  if (text.size() >= max_text) {
    return std::nullopt;
  }
  text.copy(copy, text.size());
  sockaddr_in v4{};
  v4.sin_family = AF_INET;
  if (inet_pton(AF_INET, copy, &v4.sin_addr) == 1) {
    return IpAddress(reinterpret_cast<const sockaddr&>(v4));
  }
  sockaddr_in6 v6{};
  v6.sin6_family = AF_INET6;
  if (inet_pton(AF_INET6, copy, &v6.sin6_addr) == 1) {
    return IpAddress(reinterpret_cast<const sockaddr&>(v6));
  }
  return std::nullopt;
}

SocketAddress IpAddress::with_port(std::uint16_t port) const {
  check(family_ != Family::local, "a client of a Unix socket has no address");
  if (family_ == Family::v6) {
    sockaddr_in6 v6{};
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(port);
    std::memcpy(&v6.sin6_addr, bytes_, 16);
    return SocketAddress(reinterpret_cast<const sockaddr&>(v6));
  }
  sockaddr_in v4{};
  v4.sin_family = AF_INET;
  v4.sin_port = htons(port);
  std::memcpy(&v4.sin_addr, bytes_, 4);
  return SocketAddress(reinterpret_cast<const sockaddr&>(v4));
}

std::string IpAddress::text() const {
  char out[max_text];
  return std::string(write_text(out));
}

// Every request's head has one of these: inet_ntop prints an IPv4 address with a format string,
// which costs more than all else in a small head.
std::string_view IpAddress::write_text(char* out) const {
  if (family_ == Family::v6) {
    inet_ntop(AF_INET6, bytes_, out, max_text);
    return out;
  }
  if (family_ == Family::local) {
    return {out, unix_scheme.copy(out, unix_scheme.size())};
  }
  char* end = out;
  for (int i = 0; i < 4; ++i) {
    const Octet& octet = octets[bytes_[i]];
    std::memcpy(end, octet.text, sizeof octet.text);  // the next one covers what is too much
    end += octet.bytes;
  }
  return {out, static_cast<std::size_t>(end - out) - 1};  // without the last dot
}

std::optional<Network> Network::parse(std::string_view text) {
  if (text == unix_scheme) {
    Network result;
    result.base_ = IpAddress::of_unix_client();
    return result;
  }
  const std::size_t slash = text.find('/');
  const auto address = IpAddress::parse(text.substr(0, slash));
  if (!address) {
    return std::nullopt;
  }
  Network result;
  result.base_ = *address;
  result.prefix_bits_ = address->family_ == IpAddress::Family::v6 ? 128 : 32;
  if (slash != std::string_view::npos) {
    const auto bits = parse_port(text.substr(slash + 1));  // a small number, like a port
    if (!bits || *bits > result.prefix_bits_) {
      return std::nullopt;
    }
    result.prefix_bits_ = *bits;
  }
  return result;
}

std::string Network::text() const {
  char out[IpAddress::max_text];
  std::string result(base_.write_text(out));
  const bool is_local = base_.family_ == IpAddress::Family::local;
  if (!is_local && prefix_bits_ != (base_.family_ == IpAddress::Family::v6 ? 128 : 32)) {
    result += '/' + std::to_string(prefix_bits_);
  }
  return result;
}

bool Network::contains(const IpAddress& address) const {
  if (address.family_ != base_.family_) {
    return false;
  }
  const int whole = prefix_bits_ / 8;
  const int rest = prefix_bits_ % 8;
  if (std::memcmp(address.bytes_, base_.bytes_, static_cast<std::size_t>(whole)) != 0) {
    return false;
  }
  const int mask = 0xff << (8 - rest) & 0xff;
  return rest == 0 || ((address.bytes_[whole] ^ base_.bytes_[whole]) & mask) == 0;
}

}  // namespace holdfast
