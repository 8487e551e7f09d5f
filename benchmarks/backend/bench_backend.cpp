// The backend of the measurements: one thread, epoll, one fixed answer. It counts what reaches it
// in a file that whoever measures maps, so that reading the counts disturbs nobody.
//
//   bench_backend [--http10] [--close-each] [--keep-anyway] [--body BYTES] [--delay MS]
//                 [--address IPV4] [--counts FILE]        prints its port once it listens
//
// --http10       a legacy server: answers HTTP/1.0 and keeps a connection only if it is asked to
// --close-each   closes after each answer
// --keep-anyway  says that it closes if it is asked to, and stays; for a relay that edits nothing
// --delay        answers so much later
//
// A request may have a body with a Content-Length. No client asks again before it has its answer.

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <deque>
#include <new>
#include <string>
#include <string_view>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;

struct Options {
  bool http10 = false;
  bool close_each = false;
  bool keep_anyway = false;
  std::size_t body_bytes = 1024;
  std::chrono::milliseconds delay{0};
  const char* address = "127.0.0.1";
  const char* counts = nullptr;
};

// The layout of the file: the same numbers in the same order in benchmarks/support/rig.py.
struct Counts {
  std::uint64_t connections = 0;  // that have brought a request
  std::uint64_t requests = 0;
  std::uint64_t open = 0;  // connections now
};

struct Connection {
  std::string waiting;           // an incomplete head
  std::uint64_t body_left = 0;   // of the request that is being read
  std::string_view unsent;       // of the answer
  std::uint32_t generation = 0;  // of this descriptor: which connection an answer is for
  bool open = false;
  bool counted = false;
  bool answering = false;  // a body is awaited, then comes the answer
  bool blocked = false;    // the kernel has not taken all of the answer
  bool keep = true;
};

struct Due {
  Clock::time_point when;
  int fd;
  std::uint32_t generation;
};

std::string_view field(std::string_view head, std::string_view name) {
  for (std::size_t at = head.find("\r\n"); at + name.size() + 4 < head.size();
       at = head.find("\r\n", at + 2)) {
    if (::strncasecmp(head.data() + at + 2, name.data(), name.size()) == 0) {
      const std::size_t begin = head.find_first_not_of(' ', at + 2 + name.size());
      return head.substr(begin, head.find('\r', begin) - begin);
    }
  }
  return {};
}

bool says(std::string_view value, std::string_view word) {
  return value.size() == word.size() && ::strncasecmp(value.data(), word.data(), word.size()) == 0;
}

class Backend {
 public:
  Backend(const Options& options, Counts& counts) : options_(options), counts_(counts) {
    const std::string body(options.body_bytes, 'x');
    const std::string version = options.http10 ? "HTTP/1.0" : "HTTP/1.1";
    const std::string rest = "Server: bench\r\nContent-Type: text/plain\r\nContent-Length: " +
                             std::to_string(body.size()) + "\r\n\r\n" + body;
    keeping_ =
        version + " 200 OK\r\n" + (options.http10 ? "Connection: keep-alive\r\n" : "") + rest;
    closing_ = version + " 200 OK\r\nConnection: close\r\n" + rest;
  }

  // Returns only if something is broken.
  void run() {
    if (!listen()) {
      std::perror("bench_backend");
      return;
    }
    std::array<epoll_event, 256> events{};
    while (true) {
      const int count = ::epoll_wait(epoll_, events.data(), static_cast<int>(events.size()),
                                     milliseconds_to_next());
      if (count < 0 && errno != EINTR) {
        return;
      }
      for (int i = 0; i < count; ++i) {
        const epoll_event& event = events[static_cast<std::size_t>(i)];
        if (event.data.fd == listener_) {
          accept_all();
        } else if ((event.events & EPOLLOUT) != 0) {
          send_rest(event.data.fd);
        } else {
          read_from(event.data.fd);
        }
      }
      send_what_is_due();
    }
  }

 private:
  bool listen() {
    epoll_ = ::epoll_create1(EPOLL_CLOEXEC);
    listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    const int on = 1;
    ::setsockopt(listener_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    socklen_t size = sizeof address;
    if (::inet_pton(AF_INET, options_.address, &address.sin_addr) != 1 ||
        ::bind(listener_, reinterpret_cast<sockaddr*>(&address), size) != 0 ||
        ::listen(listener_, 4096) != 0 ||
        ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) != 0) {
      return false;
    }
    std::printf("%d\n", ::ntohs(address.sin_port));
    std::fflush(stdout);
    watch(listener_, EPOLL_CTL_ADD, EPOLLIN);
    return true;
  }

  void watch(int fd, int change, std::uint32_t what) const {
    epoll_event event{};
    event.events = what;
    event.data.fd = fd;
    ::epoll_ctl(epoll_, change, fd, &event);
  }

  Connection& at(int fd) { return connections_[static_cast<std::size_t>(fd)]; }

  void accept_all() {
    while (true) {
      const int fd = ::accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
      if (fd < 0) {
        return;
      }
      if (static_cast<std::size_t>(fd) >= connections_.size()) {
        connections_.resize(static_cast<std::size_t>(fd) + 64);
      }
      const std::uint32_t generation = at(fd).generation + 1;
      at(fd) = Connection{};
      at(fd).generation = generation;
      at(fd).open = true;
      ++counts_.open;
      watch(fd, EPOLL_CTL_ADD, EPOLLIN);
    }
  }

  void close(int fd) {
    at(fd).open = false;
    --counts_.open;
    ::close(fd);
  }

  void read_from(int fd) {
    std::array<char, 65536> room;
    const ssize_t count = ::read(fd, room.data(), room.size());
    if (count <= 0) {
      if (count == 0 || errno != EAGAIN) {
        close(fd);
      }
      return;
    }
    std::string_view bytes(room.data(), static_cast<std::size_t>(count));
    std::string kept;
    Connection& connection = at(fd);
    if (!connection.waiting.empty()) {
      kept.swap(connection.waiting);
      kept.append(bytes);
      bytes = kept;
    }
    while (connection.open && !bytes.empty()) {
      const std::size_t used = take(fd, bytes);
      if (used == 0) {
        connection.waiting = bytes;
        return;
      }
      bytes.remove_prefix(used);
    }
  }

  // Reads a head, or some of a body, and answers once the request is complete. 0 = needs more.
  std::size_t take(int fd, std::string_view bytes) {
    Connection& connection = at(fd);
    std::size_t used = 0;
    if (!connection.answering) {
      const std::size_t end = bytes.find("\r\n\r\n");
      if (end == std::string_view::npos) {
        return 0;
      }
      used = end + 4;
      read_head(connection, bytes.substr(0, end + 2));
    } else {
      used = std::min<std::uint64_t>(connection.body_left, bytes.size());
      connection.body_left -= used;
    }
    if (connection.body_left == 0) {
      connection.answering = false;
      answer(fd);
    }
    return used;
  }

  void read_head(Connection& connection, std::string_view head) {
    ++counts_.requests;
    if (!connection.counted) {
      connection.counted = true;
      ++counts_.connections;
    }
    const bool old = options_.http10 || head.substr(0, head.find('\r')).ends_with("1.0");
    const std::string_view wish = field(head, "Connection:");
    connection.keep =
        !options_.close_each && (old ? says(wish, "keep-alive") : !says(wish, "close"));
    const std::string_view length = field(head, "Content-Length:");
    connection.body_left = 0;
    std::from_chars(length.data(), length.data() + length.size(), connection.body_left);
    connection.answering = true;
  }

  void answer(int fd) {
    const auto delay = options_.delay;
    if (delay.count() == 0) {
      start_answer(fd);
    } else {
      due_.push_back({Clock::now() + delay, fd, at(fd).generation});
    }
  }

  void start_answer(int fd) {
    at(fd).unsent = at(fd).keep ? keeping_ : closing_;
    at(fd).keep |= options_.keep_anyway;
    send_rest(fd);
  }

  void send_rest(int fd) {
    Connection& connection = at(fd);
    const ssize_t sent =
        ::send(fd, connection.unsent.data(), connection.unsent.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno != EAGAIN) {
      close(fd);
      return;
    }
    connection.unsent.remove_prefix(static_cast<std::size_t>(std::max<ssize_t>(sent, 0)));
    const bool blocked = !connection.unsent.empty();
    if (!blocked && !connection.keep) {
      close(fd);
    } else if (blocked != connection.blocked) {
      connection.blocked = blocked;
      watch(fd, EPOLL_CTL_MOD, blocked ? EPOLLOUT : EPOLLIN);
    }
  }

  // All delays are the same, so the first that waits is the first that is due.
  int milliseconds_to_next() const {
    if (due_.empty()) {
      return -1;
    }
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(due_.front().when - Clock::now());
    return static_cast<int>(std::max<std::int64_t>(left.count(), 0));
  }

  void send_what_is_due() {
    if (due_.empty()) {
      return;
    }
    const auto now = Clock::now();
    while (!due_.empty() && due_.front().when <= now) {
      const Due due = due_.front();
      due_.pop_front();
      if (at(due.fd).open && at(due.fd).generation == due.generation) {
        start_answer(due.fd);
      }
    }
  }

  const Options options_;
  Counts& counts_;
  std::string keeping_;
  std::string closing_;
  int epoll_ = -1;
  int listener_ = -1;
  std::vector<Connection> connections_;  // by descriptor
  std::deque<Due> due_;
};

// The counts in the file; null if it cannot be mapped.
Counts* mapped(const char* path) {
  const int fd = ::open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0 || ::ftruncate(fd, sizeof(Counts)) != 0) {
    return nullptr;
  }
  void* place = ::mmap(nullptr, sizeof(Counts), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  return place == MAP_FAILED ? nullptr : new (place) Counts;
}

bool read_options(int argc, char** argv, Options& options) {
  for (int i = 1; i < argc; ++i) {
    const std::string_view word = argv[i];
    if (word == "--http10") {
      options.http10 = true;
    } else if (word == "--close-each") {
      options.close_each = true;
    } else if (word == "--keep-anyway") {
      options.keep_anyway = true;
    } else if (i + 1 == argc) {
      return false;
    } else if (word == "--address") {
      options.address = argv[++i];
    } else if (word == "--counts") {
      options.counts = argv[++i];
    } else if (word == "--body" || word == "--delay") {
      const std::string_view text(argv[++i]);
      std::size_t number = 0;
      std::from_chars(text.data(), text.data() + text.size(), number);
      if (word == "--body") {
        options.body_bytes = number;
      } else {
        options.delay = std::chrono::milliseconds(number);
      }
    } else {
      return false;
    }
  }
  return true;
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  if (!read_options(argc, argv, options)) {
    std::fprintf(stderr,
                 "usage: bench_backend [--http10] [--close-each] [--keep-anyway] [--body BYTES] "
                 "[--delay MS] [--address IPV4] [--counts FILE]\n");
    return 2;
  }
  Counts own;
  Counts* counts = options.counts == nullptr ? &own : mapped(options.counts);
  if (counts == nullptr) {
    std::perror(options.counts);
    return 1;
  }
  Backend(options, *counts).run();
  return 1;
}
