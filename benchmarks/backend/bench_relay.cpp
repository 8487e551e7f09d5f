// The floor of the measurements: what any relay costs on this kernel. For each request it reads
// from the client, writes to a backend connection that it keeps, reads from there and writes to the
// client; it looks at nothing but the Content-Length. Not a proxy: an error or an unusual message
// ends the connection.
//
//   bench_relay [--short] [--workers N] PORT       PORT is the backend's; prints its own
//
// --short  closes each client after its answer
//
// It writes with sockets that block: so it makes no system call but those four and epoll_wait.

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <string_view>
#include <vector>

namespace {

struct Side {
  int other = -1;          // whom its bytes go to, while an exchange is under way
  std::uint64_t left = 0;  // bytes of its message that are still to come
  bool backend = false;
};

// The size of the message that begins here; its head is here as a whole.
std::uint64_t message_bytes(std::string_view bytes) {
  constexpr std::string_view name = "\r\nContent-Length:";
  const std::size_t head = bytes.find("\r\n\r\n");
  if (head == std::string_view::npos) {
    return 0;
  }
  std::uint64_t length = 0;
  for (std::size_t at = bytes.find("\r\n"); at + name.size() < head;
       at = bytes.find("\r\n", at + 2)) {
    if (::strncasecmp(bytes.data() + at, name.data(), name.size()) == 0) {
      const std::size_t digits = bytes.find_first_not_of(' ', at + name.size());
      std::from_chars(bytes.data() + digits, bytes.data() + head, length);
      break;
    }
  }
  return head + 4 + length;
}

sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = ::htonl(INADDR_LOOPBACK);
  address.sin_port = ::htons(port);
  return address;
}

class Relay {
 public:
  Relay(int listener, std::uint16_t backend, bool once)
      : listener_(listener), backend_(loopback(backend)), once_(once) {}

  // Returns only if something is broken.
  void run() {
    epoll_ = ::epoll_create1(EPOLL_CLOEXEC);
    watch(listener_, EPOLLIN | EPOLLEXCLUSIVE);
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
          relay_from(fd);
        }
      }
    }
  }

 private:
  void watch(int fd, std::uint32_t what) const {
    epoll_event event{};
    event.events = what;
    event.data.fd = fd;
    ::epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event);
  }

  Side& at(int fd) { return sides_[static_cast<std::size_t>(fd)]; }

  void add(int fd, bool backend) {
    if (static_cast<std::size_t>(fd) >= sides_.size()) {
      sides_.resize(static_cast<std::size_t>(fd) + 64);
    }
    at(fd) = Side{};
    at(fd).backend = backend;
    watch(fd, EPOLLIN);
  }

  void accept_all() {
    while (true) {
      const int fd = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
      if (fd < 0) {
        return;
      }
      add(fd, false);
    }
  }

  // -1 if the backend cannot be reached.
  int take_backend() {
    if (!resting_.empty()) {
      const int fd = resting_.back();
      resting_.pop_back();
      return fd;
    }
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const int on = 1;
    ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (::connect(fd, reinterpret_cast<const sockaddr*>(&backend_), sizeof backend_) != 0) {
      ::close(fd);
      return -1;
    }
    add(fd, true);
    return fd;
  }

  void relay_from(int fd) {
    const ssize_t count = ::recv(fd, room_.data(), room_.size(), MSG_DONTWAIT);
    if (count <= 0) {
      if (count == 0 || errno != EAGAIN) {
        end(fd);
      }
      return;
    }
    const auto size = static_cast<std::uint64_t>(count);
    if (at(fd).left == 0 && !start_message(fd, {room_.data(), size})) {
      end(fd);
      return;
    }
    const int other = at(fd).other;
    at(fd).left -= std::min(size, at(fd).left);
    if (::send(other, room_.data(), size, MSG_NOSIGNAL) != count) {
      end(fd);
    } else if (at(fd).left == 0 && at(fd).backend) {
      settle(fd, other);
    }
  }

  bool start_message(int fd, std::string_view bytes) {
    at(fd).left = message_bytes(bytes);
    if (!at(fd).backend) {
      const int backend = at(fd).left == 0 ? -1 : take_backend();
      if (backend < 0) {
        return false;
      }
      at(fd).other = backend;
      at(backend).other = fd;
    }
    return at(fd).left != 0 && at(fd).other >= 0;
  }

  void settle(int backend, int client) {
    at(backend).other = -1;
    at(client).other = -1;
    resting_.push_back(backend);
    if (once_) {
      ::close(client);
    }
  }

  // Ends a connection and the one that it is bound to; the batch may still have events for both.
  void end(int fd) {
    const int other = at(fd).other;
    std::erase(resting_, fd);
    at(fd) = Side{};
    ::close(fd);
    if (other >= 0) {
      at(other) = Side{};
      ::close(other);
    }
  }

  const int listener_;
  const sockaddr_in backend_;
  const bool once_;
  int epoll_ = -1;
  std::vector<Side> sides_;   // by descriptor
  std::vector<int> resting_;  // backend connections that nobody uses
  std::array<char, 65536> room_{};
};

// A socket that listens on 127.0.0.1, and its port on standard output; -1 if that fails.
int listen_anywhere() {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  const int on = 1;
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  sockaddr_in address = loopback(0);
  socklen_t size = sizeof address;
  if (::bind(fd, reinterpret_cast<sockaddr*>(&address), size) != 0 || ::listen(fd, 4096) != 0 ||
      ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) != 0) {
    return -1;
  }
  std::printf("%d\n", ::ntohs(address.sin_port));
  std::fflush(stdout);
  return fd;
}

}  // namespace

int main(int argc, char** argv) {
  bool once = false;
  int workers = 1;
  std::uint16_t backend = 0;
  for (int i = 1; i < argc; ++i) {
    std::string_view word = argv[i];
    if (word == "--short") {
      once = true;
    } else if (word == "--workers" && i + 1 < argc) {
      word = argv[++i];
      std::from_chars(word.data(), word.data() + word.size(), workers);
    } else {
      std::from_chars(word.data(), word.data() + word.size(), backend);
    }
  }
  if (backend == 0) {
    std::fprintf(stderr, "usage: bench_relay [--short] [--workers N] PORT\n");
    return 2;
  }
  const int listener = listen_anywhere();
  if (listener < 0) {
    std::perror("bench_relay");
    return 1;
  }
  for (int i = 1; i < workers; ++i) {
    if (::fork() == 0) {
      ::prctl(PR_SET_PDEATHSIG, SIGTERM);
      break;
    }
  }
  Relay(listener, backend, once).run();
  return 1;
}
