#pragma once

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <string>
#include <string_view>
#include <utility>

namespace holdfast {

inline std::string with_length(std::string_view start, std::size_t body_bytes) {
  return std::string(start) + "Content-Length: " + std::to_string(body_bytes) + "\r\n\r\n" +
         std::string(body_bytes, 'x');
}

// The end of the first message in the bytes, or npos: as much of HTTP as these tests speak.
inline std::size_t end_of_message(std::string_view bytes) {
  const std::size_t head = bytes.find("\r\n\r\n");
  if (head == std::string_view::npos) {
    return head;
  }
  const std::string_view fields = bytes.substr(0, head);
  std::size_t end = head + 4;
  constexpr std::string_view length = "\r\nContent-Length: ";
  if (fields.find("\r\nTransfer-Encoding: ") != std::string_view::npos) {
    const std::size_t last = bytes.find("\r\n0\r\n\r\n", head);
    return last == std::string_view::npos ? last : last + 7;
  }
  if (const std::size_t at = fields.find(length); at != std::string_view::npos) {
    std::size_t body_bytes = 0;
    std::from_chars(fields.data() + at + length.size(), fields.data() + fields.size(), body_bytes);
    end += body_bytes;
  }
  return end <= bytes.size() ? end : std::string_view::npos;
}

// A blocking connection that gives whole messages.
class Talk {
 public:
  explicit Talk(int descriptor) : descriptor_(descriptor) {
    const timeval patience{.tv_sec = 20, .tv_usec = 0};
    ::setsockopt(descriptor_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    const int on = 1;
    ::setsockopt(descriptor_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  }
  Talk(Talk&& other) noexcept
      : descriptor_(std::exchange(other.descriptor_, -1)), waiting_(std::move(other.waiting_)) {}
  Talk& operator=(Talk&&) = delete;
  ~Talk() {
    if (descriptor_ >= 0) {
      ::close(descriptor_);
    }
  }

  [[nodiscard]] bool say(std::string_view bytes) const {
    while (!bytes.empty()) {
      const ssize_t sent = ::send(descriptor_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) {
        return false;
      }
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
  }

  // The next message, or an empty string if the connection ends first.
  [[nodiscard]] std::string hear() {
    std::size_t end = end_of_message(waiting_);
    while (end == std::string::npos) {
      std::array<char, 16 * 1024> room;
      const ssize_t count = ::recv(descriptor_, room.data(), room.size(), 0);
      if (count <= 0) {
        gave_up_ = count < 0 && errno == EAGAIN;
        return {};
      }
      waiting_.append(room.data(), static_cast<std::size_t>(count));
      end = end_of_message(waiting_);
    }
    std::string message = waiting_.substr(0, end);
    waiting_.erase(0, end);
    return message;
  }

  // The last hear() ended because nothing came for very long.
  [[nodiscard]] bool gave_up() const { return gave_up_; }

 private:
  int descriptor_;
  bool gave_up_ = false;
  std::string waiting_;
};

inline sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = ::htonl(INADDR_LOOPBACK);
  address.sin_port = ::htons(port);
  return address;
}

}  // namespace holdfast
