#pragma once

#include <sys/socket.h>
#include <unistd.h>

#include "base/check.h"
#include "net/address.h"

namespace holdfast {

// A plain listening socket on a free loopback port, for tests of what connects. Small receive
// buffers, so that back-pressure needs few bytes.
class Gate {
 public:
  Gate() : Gate(bound()) { check(::listen(descriptor_, 16) == 0); }
  Gate(const Gate&) = delete;
  Gate& operator=(const Gate&) = delete;
  ~Gate() { ::close(descriptor_); }

  // An address at which nobody listens, as long as the gate exists.
  static Gate shut() { return Gate(bound()); }

  [[nodiscard]] SocketAddress address() const {
    sockaddr_storage raw{};
    socklen_t bytes = sizeof(raw);
    check(::getsockname(descriptor_, reinterpret_cast<sockaddr*>(&raw), &bytes) == 0);
    return SocketAddress(reinterpret_cast<const sockaddr&>(raw));
  }

  // Waits for a connection; the caller owns it.
  [[nodiscard]] int accept() const {
    const int accepted = ::accept4(descriptor_, nullptr, nullptr, SOCK_CLOEXEC);
    check(accepted >= 0, "no connection could be accepted");
    return accepted;
  }

 private:
  explicit Gate(int descriptor) : descriptor_(descriptor) {}

  static int bound() {
    const int made = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const int receive_bytes = 16 * 1024;
    check(::setsockopt(made, SOL_SOCKET, SO_RCVBUF, &receive_bytes, sizeof(receive_bytes)) == 0);
    const SocketAddress loopback = *SocketAddress::parse("127.0.0.1:0");
    check(::bind(made, &loopback.raw(), loopback.raw_bytes()) == 0);
    return made;
  }

  int descriptor_;
};

}  // namespace holdfast
