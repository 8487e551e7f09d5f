#include "net/address.h"

#include <arpa/inet.h>

#include <charconv>
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

// The system's parser would stop there and never see the rest.
bool has_zero_byte(std::string_view text) { return text.find('\0') != std::string_view::npos; }

}  // namespace

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

socklen_t SocketAddress::raw_bytes() const {
  return is_v6() ? sizeof(sockaddr_in6) : sizeof(sockaddr_in);
}

std::uint16_t SocketAddress::port() const {
  return ntohs(is_v6() ? storage_.v6.sin6_port : storage_.v4.sin_port);
}

std::string SocketAddress::text() const {
  char out[INET6_ADDRSTRLEN] = {};
  if (is_v6()) {
    inet_ntop(AF_INET6, &storage_.v6.sin6_addr, out, sizeof(out));
    return "[" + std::string(out) + "]:" + std::to_string(port());
  }
  inet_ntop(AF_INET, &storage_.v4.sin_addr, out, sizeof(out));
  return std::string(out) + ":" + std::to_string(port());
}

bool operator==(const SocketAddress& a, const SocketAddress& b) {
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
    v6_ = true;
  }
}

std::optional<IpAddress> IpAddress::parse(std::string_view text) {
  if (has_zero_byte(text)) {
    return std::nullopt;
  }
  const std::string copy(text);
  sockaddr_in v4{};
  v4.sin_family = AF_INET;
  if (inet_pton(AF_INET, copy.c_str(), &v4.sin_addr) == 1) {
    return IpAddress(reinterpret_cast<const sockaddr&>(v4));
  }
  sockaddr_in6 v6{};
  v6.sin6_family = AF_INET6;
  if (inet_pton(AF_INET6, copy.c_str(), &v6.sin6_addr) == 1) {
    return IpAddress(reinterpret_cast<const sockaddr&>(v6));
  }
  return std::nullopt;
}

// inet_ntop prints an IPv4 address with a format string, which costs more than all else in a small
// request's head.
std::string_view IpAddress::write_text(char* out) const {
  if (v6_) {
    inet_ntop(AF_INET6, bytes_, out, max_text);
    return out;
  }
  char* end = out;
  for (int i = 0; i < 4; ++i) {
    if (i > 0) {
      *end++ = '.';
    }
    end = std::to_chars(end, out + max_text, bytes_[i]).ptr;
  }
  return {out, static_cast<std::size_t>(end - out)};
}

std::optional<Network> Network::parse(std::string_view text) {
  const std::size_t slash = text.find('/');
  const auto address = IpAddress::parse(text.substr(0, slash));
  if (!address) {
    return std::nullopt;
  }
  Network result;
  result.base_ = *address;
  result.prefix_bits_ = address->v6_ ? 128 : 32;
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
  if (prefix_bits_ != (base_.v6_ ? 128 : 32)) {
    result += '/' + std::to_string(prefix_bits_);
  }
  return result;
}

bool Network::contains(const IpAddress& address) const {
  if (address.v6_ != base_.v6_) {
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
