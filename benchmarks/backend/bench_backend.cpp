// The backend of the measurements: one thread, epoll, one fixed answer with a body of 1 KiB. It
// counts what reaches it; a GET of /counts tells. With --http10 it is a legacy server that answers
// HTTP/1.0 and keeps a connection only if it is asked to.
//
//   bench_backend [--http10] [--body BYTES]     prints its port once it listens on 127.0.0.1

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace {

struct Connection {
  std::string waiting;  // an incomplete request
  bool counted = false;
};

class Backend {
 public:
  Backend(bool http10, std::size_t body_bytes) : http10_(http10) {
    const std::string body(body_bytes, 'x');
    const std::string version = http10 ? "HTTP/1.0" : "HTTP/1.1";
    const std::string rest = "Server: bench\r\nContent-Type: text/plain\r\nContent-Length: " +
                             std::to_string(body.size()) + "\r\n\r\n" + body;
    keeping_ = version + " 200 OK\r\n" + (http10 ? "Connection: keep-alive\r\n" : "") + rest;
    closing_ = version + " 200 OK\r\nConnection: close\r\n" + rest;
  }

  // Returns only if something is broken.
  void run() {
    epoll_ = ::epoll_create1(EPOLL_CLOEXEC);
    listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    const int on = 1;
    ::setsockopt(listener_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = ::htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    if (::bind(listener_, reinterpret_cast<sockaddr*>(&address), size) != 0 ||
        ::listen(listener_, 4096) != 0 ||
        ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) != 0) {
      std::perror("bench_backend");
      return;
    }
    std::printf("%d\n", ::ntohs(address.sin_port));
    std::fflush(stdout);
    watch(listener_);
    std::array<epoll_event, 256> events{};
    while (true) {
      const int count = ::epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), -1);
      if (count < 0 && errno != EINTR) {
        return;
      }
      for (int i = 0; i < count; ++i) {
        const int fd = events[static_cast<std::size_t>(i)].data.fd;
        if (fd == listener_) {
          accept_all();
        } else {
          read_from(fd);
        }
      }
    }
  }

 private:
  void watch(int fd) const {
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.fd = fd;
    ::epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event);
  }

  void accept_all() {
    while (true) {
      const int fd = ::accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
      if (fd < 0) {
        return;
      }
      const auto index = static_cast<std::size_t>(fd);
      if (index >= connections_.size()) {
        connections_.resize(index + 64);
      }
      connections_[index] = Connection{};
      watch(fd);
    }
  }

  void read_from(int fd) {
    std::array<char, 16384> room;
    const ssize_t count = ::read(fd, room.data(), room.size());
    if (count <= 0) {
      if (count == 0 || errno != EAGAIN) {
        ::close(fd);
      }
      return;
    }
    const std::string_view bytes(room.data(), static_cast<std::size_t>(count));
    Connection& connection = connections_[static_cast<std::size_t>(fd)];
    if (connection.waiting.empty() && bytes.ends_with("\r\n\r\n")) {
      static_cast<void>(answer_all(fd, connection, bytes));
      return;
    }
    connection.waiting.append(bytes);
    std::string kept;
    kept.swap(connection.waiting);
    const std::size_t used = answer_all(fd, connection, kept);
    connection.waiting = kept.substr(used);
  }

  // Answers the complete requests in bytes and returns how many bytes they were. None has a body.
  std::size_t answer_all(int fd, Connection& connection, std::string_view bytes) {
    std::size_t used = 0;
    while (true) {
      const std::size_t end = bytes.find("\r\n\r\n", used);
      if (end == std::string_view::npos) {
        return used;
      }
      const std::string_view head = bytes.substr(used, end + 2 - used);
      used = end + 4;
      if (!answer(fd, connection, head)) {
        ::close(fd);
        return bytes.size();
      }
    }
  }

  // False if the connection ends with this answer.
  bool answer(int fd, Connection& connection, std::string_view head) {
    if (head.starts_with("GET /counts ")) {
      const std::string text = std::to_string(accepted_) + " " + std::to_string(requests_);
      write_all(fd, "HTTP/1.0 200 OK\r\n\r\n" + text);
      return false;
    }
    ++requests_;
    if (!connection.counted) {
      connection.counted = true;
      ++accepted_;
    }
    const bool old = http10_ || head.substr(0, head.find('\r')).ends_with("1.0");
    const std::string_view wish = connection_field(head);
    const bool keep = old ? says(wish, "keep-alive") : !says(wish, "close");
    write_all(fd, keep ? keeping_ : closing_);
    return keep;
  }

  static bool says(std::string_view value, std::string_view word) {
    return value.size() == word.size() &&
           ::strncasecmp(value.data(), word.data(), word.size()) == 0;
  }

  static std::string_view connection_field(std::string_view head) {
    constexpr std::string_view name = "\r\nConnection: ";
    for (std::size_t at = head.find("\r\n"); at + name.size() < head.size();
         at = head.find("\r\n", at + 2)) {
      if (::strncasecmp(head.data() + at, name.data(), name.size()) == 0) {
        const std::size_t begin = at + name.size();
        return head.substr(begin, head.find('\r', begin) - begin);
      }
    }
    return {};
  }

  // The answers fit the socket's buffer; a client that does not read is cut.
  static void write_all(int fd, std::string_view bytes) {
    if (::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL) < 0) {
      ::shutdown(fd, SHUT_RDWR);
    }
  }

  const bool http10_;
  std::string keeping_;
  std::string closing_;
  int epoll_ = -1;
  int listener_ = -1;
  std::vector<Connection> connections_;  // by descriptor
  unsigned long long accepted_ = 0;      // connections that asked for more than counts
  unsigned long long requests_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
  bool http10 = false;
  std::size_t body_bytes = 1024;
  for (int i = 1; i < argc; ++i) {
    const std::string_view word = argv[i];
    if (word == "--http10") {
      http10 = true;
    } else if (word == "--body" && i + 1 < argc) {
      const std::string_view number(argv[++i]);
      std::from_chars(number.data(), number.data() + number.size(), body_bytes);
    } else {
      std::fprintf(stderr, "usage: bench_backend [--http10] [--body BYTES]\n");
      return 2;
    }
  }
  Backend(http10, body_bytes).run();
  return 1;
}
