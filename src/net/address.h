#pragma once

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace holdfast {

// An IPv4 or IPv6 address with its port, or a Unix socket: a file, or a name of the network
// namespace that Linux calls abstract.
class SocketAddress {
 public:
  // So long may the path or name of a Unix socket be.
  static constexpr std::size_t max_unix_bytes = sizeof(sockaddr_un::sun_path) - 1;

  SocketAddress() = default;
  // Of an IP address.
  explicit SocketAddress(const sockaddr& from);

  // Reads "1.2.3.4:80", "[::1]:80" or ":80" (all IPv4 addresses), "unix:/path" or "unix:@name";
  // host names are not resolved.
  [[nodiscard]] static std::optional<SocketAddress> parse(std::string_view text);

  [[nodiscard]] const sockaddr& raw() const { return storage_.any; }
  [[nodiscard]] socklen_t raw_bytes() const;
  [[nodiscard]] bool is_v6() const { return storage_.any.sa_family == AF_INET6; }
  [[nodiscard]] bool is_unix() const { return storage_.any.sa_family == AF_UNIX; }
  // 0 for a Unix socket.
  [[nodiscard]] std::uint16_t port() const;
  // Of a Unix socket that is a file; else empty.
  [[nodiscard]] std::string file() const;

  // "1.2.3.4:80", "[::1]:80", "unix:/path" or "unix:@name".
  [[nodiscard]] std::string text() const;

  friend bool operator==(const SocketAddress& a, const SocketAddress& b);
  // IPv4 before IPv6, then by address, then by port.
  friend bool operator<(const SocketAddress& a, const SocketAddress& b);

 private:
  [[nodiscard]] static std::optional<SocketAddress> parse_unix(std::string_view path);
  [[nodiscard]] std::string unix_name() const;

  union Storage {
    sockaddr any;
    sockaddr_in v4;
    sockaddr_in6 v6;
    sockaddr_un local;
  };
  Storage storage_{.local = {}};
};

// An IP address without its port, in 17 bytes: what an idle client connection keeps. An IPv4
// address mapped into IPv6 counts as IPv4. Whoever comes over a Unix socket has none, and is
// called "unix:".
class IpAddress {
 public:
  static constexpr std::size_t max_text = 46;

  IpAddress() = default;
  explicit IpAddress(const sockaddr& from);
  [[nodiscard]] static std::optional<IpAddress> parse(std::string_view text);
  [[nodiscard]] static IpAddress of_unix_client();

  // The address and a port. Not of a client that came over a Unix socket.
  [[nodiscard]] SocketAddress with_port(std::uint16_t port) const;

  // Writes the text form (without brackets) into `out`, which has max_text bytes.
  [[nodiscard]] std::string_view write_text(char* out) const;
  [[nodiscard]] std::string text() const;
  friend bool operator==(const IpAddress&, const IpAddress&) = default;

 private:
  friend class Network;
  enum class Family : std::uint8_t { v4, v6, local };

  std::uint8_t bytes_[16] = {};
  Family family_ = Family::v4;
};

// Local ports, the first and the last one; none if both are 0.
struct PortRange {
  std::uint16_t first = 0;
  std::uint16_t last = 0;

  [[nodiscard]] bool empty() const { return first == 0; }
  // Reads "40000-49999".
  [[nodiscard]] static std::optional<PortRange> parse(std::string_view text);
  [[nodiscard]] std::string text() const;
  friend bool operator==(const PortRange&, const PortRange&) = default;
};

// A set of addresses with a common prefix: "10.0.0.0/8", "fd00::/8", or a single address; or
// "unix:", all clients of Unix sockets.
class Network {
 public:
  [[nodiscard]] static std::optional<Network> parse(std::string_view text);
  [[nodiscard]] bool contains(const IpAddress& address) const;

  // "10.0.0.0/8"; a single address stands without its length.
  [[nodiscard]] std::string text() const;

 private:
  IpAddress base_;
  int prefix_bits_ = 0;
};

}  // namespace holdfast
