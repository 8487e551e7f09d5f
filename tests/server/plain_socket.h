#pragma once

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <string_view>
#include <utility>

#include "base/check.h"
#include "net/address.h"

namespace holdfast {

// One end of a TCP connection as a test uses it: it blocks, and gives up after a while, so that a
// test that fails ends too.
class PlainSocket {
 public:
  explicit PlainSocket(int descriptor) : descriptor_(descriptor) {
    const timeval patience{.tv_sec = 20, .tv_usec = 0};
    check(setsockopt(descriptor_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) == 0);
  }
  PlainSocket(PlainSocket&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
  PlainSocket(const PlainSocket&) = delete;
  PlainSocket& operator=(const PlainSocket&) = delete;
  ~PlainSocket() {
    if (descriptor_ >= 0) {
      ::close(descriptor_);
    }
  }

  static PlainSocket to(const SocketAddress& address) {
    const int made = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    check(::connect(made, &address.raw(), address.raw_bytes()) == 0, "a test cannot connect");
    return PlainSocket(made);
  }
  // The errno value of an attempt; 0 if somebody listens.
  static int try_to_connect(const SocketAddress& address) {
    const PlainSocket made(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    return ::connect(made.descriptor_, &address.raw(), address.raw_bytes()) == 0 ? 0 : errno;
  }

  void send(std::string_view bytes) const {
    check(::send(descriptor_, bytes.data(), bytes.size(), MSG_NOSIGNAL) ==
              static_cast<ssize_t>(bytes.size()),
          "a test cannot send");
  }
  // All that comes until `end` stands at its end, or nothing more comes.
  [[nodiscard]] std::string receive_until(std::string_view end) const {
    std::string all;
    char bytes[4096];
    while (!all.ends_with(end)) {
      const ssize_t count = ::recv(descriptor_, bytes, sizeof(bytes), 0);
      if (count <= 0) {
        break;
      }
      all.append(bytes, static_cast<std::size_t>(count));
    }
    return all;
  }
  // The other side has ended the connection, one way or the other.
  [[nodiscard]] bool ended() const {
    char byte = 0;
    const ssize_t count = ::recv(descriptor_, &byte, 1, 0);
    return count == 0 || (count < 0 && errno == ECONNRESET);
  }

 private:
  int descriptor_;
};

}  // namespace holdfast
