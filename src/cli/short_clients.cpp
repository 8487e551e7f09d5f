#include "cli/short_clients.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <string>
#include <vector>

#include "base/check.h"
#include "cli/descriptor.h"
#include "net/clock.h"

namespace holdfast {
namespace {

constexpr std::size_t max_answer_bytes = std::size_t{64} * 1024;
constexpr int turn_milliseconds = 100;  // how late a client may notice that its patience ran out

enum class Outcome { under_way, answered, no_local_port, refused, broken, late };

// One client at a time per slot; when it is gone the slot takes the next.
struct ShortClient {
  Descriptor socket;
  std::size_t sent = 0;
  std::string answer;
  TimePoint gives_up;
};

Outcome outcome_of(int error) {
  switch (error) {
    case EAGAIN:
    case EINTR:
    case EINPROGRESS:
      return Outcome::under_way;
    case EADDRNOTAVAIL:
      return Outcome::no_local_port;
    case ECONNREFUSED:
    case ENETUNREACH:
    case EHOSTUNREACH:
    case EMFILE:
    case ENFILE:
      return Outcome::refused;
    default:
      return Outcome::broken;
  }
}

class ShortClients {
 public:
  ShortClients(const ShortLoad& load, const LoadProgress& on_progress)
      : load_(load),
        on_progress_(on_progress),
        request_(fmt::format("GET /work HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n",
                             load.server.text())),
        clients_(std::min(load.requests, load.concurrency)),
        watched_(clients_.size(), pollfd{-1, 0, 0}) {}

  ShortLoadReport run() {
    const TimePoint started = monotonic_now();
    now_ = started;
    for (std::size_t slot = 0; slot < clients_.size(); ++slot) {
      fill(slot);
    }
    while (report_.finished() < load_.requests) {
      const int ready = poll(&watched_.front(), watched_.size(), turn_milliseconds);
      check(ready >= 0 || errno == EINTR, "the clients can wait for their sockets");
      now_ = monotonic_now();
      for (std::size_t slot = 0; slot < clients_.size(); ++slot) {
        turn(slot);
      }
      if (on_progress_) {
        on_progress_(report_.finished());
      }
    }
    report_.took = monotonic_now() - started;
    return report_;
  }

 private:
  void turn(std::size_t slot) {
    if (!clients_[slot].socket.open()) {
      return;
    }
    Outcome outcome = Outcome::under_way;
    if (watched_[slot].revents != 0) {
      outcome = sends(slot) ? send_request(slot) : receive_answer(slot);
    }
    if (outcome == Outcome::under_way && now_ >= clients_[slot].gives_up) {
      outcome = Outcome::late;
    }
    if (outcome != Outcome::under_way) {
      finish(slot, outcome);
      fill(slot);
    }
  }

  // Puts the next client into the slot. One that fails at once makes room for the one after it.
  void fill(std::size_t slot) {
    while (started_ < load_.requests) {
      ++started_;
      const Outcome outcome = connect_client(slot);
      if (outcome == Outcome::under_way) {
        return;
      }
      finish(slot, outcome);
    }
  }

  Outcome connect_client(std::size_t slot) {
    ShortClient& client = clients_[slot];
    const SocketAddress& server = load_.server;
    client.socket =
        Descriptor(socket(server.raw().sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!client.socket.open()) {
      return outcome_of(errno);
    }
    client.sent = 0;
    client.answer.clear();
    client.gives_up = now_ + load_.patience;
    watched_[slot] = {client.socket.get(), POLLOUT, 0};
    if (connect(client.socket.get(), &server.raw(), server.raw_bytes()) != 0) {
      return outcome_of(errno);
    }
    return Outcome::under_way;
  }

  [[nodiscard]] bool sends(std::size_t slot) const { return clients_[slot].sent < request_.size(); }

  Outcome send_request(std::size_t slot) {
    ShortClient& client = clients_[slot];
    const ssize_t sent = send(client.socket.get(), &request_[client.sent],
                              request_.size() - client.sent, MSG_NOSIGNAL);
    if (sent < 0) {
      return outcome_of(errno);
    }
    client.sent += static_cast<std::size_t>(sent);
    if (!sends(slot)) {
      watched_[slot].events = POLLIN;
    }
    return Outcome::under_way;
  }

  Outcome receive_answer(std::size_t slot) {
    ShortClient& client = clients_[slot];
    std::array<char, 4096> block;
    while (true) {
      const ssize_t got = recv(client.socket.get(), &block.front(), block.size(), 0);
      if (got < 0) {
        return outcome_of(errno);
      }
      if (got == 0) {
        return is_whole_answer(client.answer) ? Outcome::answered : Outcome::broken;
      }
      client.answer.append(&block.front(), static_cast<std::size_t>(got));
      if (client.answer.size() > max_answer_bytes) {
        return Outcome::broken;
      }
    }
  }

  void finish(std::size_t slot, Outcome outcome) {
    clients_[slot].socket.close();
    watched_[slot].fd = -1;
    switch (outcome) {
      case Outcome::answered:
        ++report_.answered;
        break;
      case Outcome::no_local_port:
        ++report_.no_local_port;
        break;
      case Outcome::refused:
        ++report_.refused;
        break;
      case Outcome::broken:
        ++report_.broken;
        break;
      case Outcome::late:
        ++report_.late;
        break;
      case Outcome::under_way:
        check(false, "only a request that ended is counted");
    }
  }

  const ShortLoad& load_;
  const LoadProgress& on_progress_;
  const std::string request_;
  std::vector<ShortClient> clients_;
  std::vector<pollfd> watched_;  // one per slot; fd -1 while it is empty
  unsigned started_ = 0;
  TimePoint now_;
  ShortLoadReport report_;
};

// The value of Content-Length in a head; nothing if there is none.
bool find_length(std::string_view head, std::size_t& length) {
  constexpr std::string_view name = "\r\ncontent-length:";
  const auto at =
      std::search(head.begin(), head.end(), name.begin(), name.end(),
                  [](char a, char b) { return (a >= 'A' && a <= 'Z' ? a + 32 : a) == b; });
  if (at == head.end()) {
    return false;
  }
  std::string_view value(at + name.size(), static_cast<std::size_t>(head.end() - at) - name.size());
  value.remove_prefix(std::min(value.find_first_not_of(' '), value.size()));
  return std::from_chars(value.begin(), value.end(), length).ec == std::errc();
}

}  // namespace

double ShortLoadReport::requests_per_second() const {
  const double seconds = std::chrono::duration<double>(took).count();
  return seconds > 0 ? answered / seconds : 0;
}

ShortLoadReport run_short_clients(const ShortLoad& load, const LoadProgress& on_progress) {
  check(load.concurrency > 0, "at least one client runs");
  return ShortClients(load, on_progress).run();
}

bool is_whole_answer(std::string_view answer) {
  const std::size_t end = answer.find("\r\n\r\n");
  if (end == std::string_view::npos || !answer.starts_with("HTTP/1.") ||
      answer.substr(8, 5) != " 200 ") {
    return false;
  }
  std::size_t length = 0;
  return find_length(answer.substr(0, end), length) && answer.size() - end - 4 == length;
}

}  // namespace holdfast
