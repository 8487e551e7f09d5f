#pragma once

#include <unistd.h>

#include <utility>

namespace holdfast {

// Owns an open file descriptor, or none (-1). Only the demo's own little server and clients and the
// doctor's probes use it; all that the proxy opens belongs to its loops.
class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    if (this != &other) {
      close();
      fd_ = std::exchange(other.fd_, -1);
    }
    return *this;
  }
  ~Descriptor() { close(); }

  [[nodiscard]] int get() const { return fd_; }
  [[nodiscard]] bool open() const { return fd_ >= 0; }

  void close() {
    if (fd_ >= 0) {
      // Linux frees the descriptor whatever close() says, and nobody waits for what it could lose.
      static_cast<void>(::close(std::exchange(fd_, -1)));
    }
  }

 private:
  int fd_ = -1;
};

}  // namespace holdfast
