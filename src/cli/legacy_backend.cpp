#include "cli/legacy_backend.h"

#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include "base/check.h"

namespace holdfast {
namespace {

constexpr int listen_backlog = 4096;
constexpr std::size_t read_bytes = std::size_t{16} * 1024;

Unexpected system_failure() { return unexpected(make_error(ErrorCode::local_failure, errno)); }

bool would_block() { return errno == EAGAIN || errno == EINTR; }

}  // namespace

Result<std::unique_ptr<LegacyBackend>> LegacyBackend::start() {
  Descriptor listener(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!listener.open()) {
    return system_failure();
  }
  // What it accepts inherits this: an answer is never held back for more bytes to come.
  const int on = 1;
  if (setsockopt(listener.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) != 0) {
    return system_failure();
  }
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t bytes = sizeof address;
  auto* raw = reinterpret_cast<sockaddr*>(&address);
  if (bind(listener.get(), raw, bytes) != 0 || listen(listener.get(), listen_backlog) != 0 ||
      getsockname(listener.get(), raw, &bytes) != 0) {
    return system_failure();
  }
  Descriptor wake(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!wake.open()) {
    return system_failure();
  }
  return std::make_unique<LegacyBackend>(
      Sockets{std::move(listener), std::move(wake), SocketAddress(*raw)});
}

LegacyBackend::LegacyBackend(Sockets sockets)
    : address_(sockets.address),
      listener_(std::move(sockets.listener)),
      wake_(std::move(sockets.wake)),
      thread_([this] { serve(); }) {}

LegacyBackend::~LegacyBackend() {
  const std::uint64_t one = 1;
  check(write(wake_.get(), &one, sizeof one) == sizeof one, "the backend's thread is told to end");
  thread_.join();
}

LegacyCounts LegacyBackend::counts() const {
  return {accepted_.load(), answered_.load(), open_.load(), most_open_.load()};
}

void LegacyBackend::serve() {
  while (true) {
    watch();
    if (poll(&watched_.front(), watched_.size(), -1) < 0) {
      check(errno == EINTR, "the backend can wait for its sockets");
      continue;
    }
    if (watched_[0].revents != 0) {
      return;
    }
    auto event = watched_.begin() + 2;
    for (auto at = connections_.begin(); at != connections_.end(); ++event) {
      const bool stays = event->revents == 0 || advance(*at);
      at = stays ? std::next(at) : connections_.erase(at);
    }
    open_ = connections_.size();
    if (watched_[1].revents != 0) {
      accept_all();
    }
  }
}

void LegacyBackend::watch() {
  watched_.clear();
  watched_.push_back({wake_.get(), POLLIN, 0});
  const bool may_accept = connections_.size() < max_connections;
  watched_.push_back({may_accept ? listener_.get() : -1, POLLIN, 0});
  for (const Connection& connection : connections_) {
    const short wanted = connection.unsent.empty() ? POLLIN : POLLOUT;
    watched_.push_back({connection.socket.get(), wanted, 0});
  }
}

void LegacyBackend::accept_all() {
  while (connections_.size() < max_connections) {
    Descriptor socket(accept4(listener_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (!socket.open()) {
      // Nobody is waiting any more, or no descriptor is left: the next turn tries again.
      return;
    }
    Connection& connection = connections_.emplace_back();
    connection.socket = std::move(socket);
    connection.number = ++accepted_;
    open_ = connections_.size();
    most_open_ = std::max<std::uint64_t>(most_open_, connections_.size());
    // A short client's request is mostly there already, which saves a turn.
    if (!advance(connection)) {
      connections_.pop_back();
      open_ = connections_.size();
    }
  }
}

bool LegacyBackend::advance(Connection& connection) {
  if (connection.unsent.empty() && !receive(connection)) {
    return false;
  }
  if (!send_unsent(connection)) {
    return false;
  }
  // What was sent behind a request waits until its answer is out.
  while (connection.unsent.empty() && !connection.last_answer && answer_received(connection)) {
    if (!send_unsent(connection)) {
      return false;
    }
  }
  return !connection.last_answer || !connection.unsent.empty();
}

bool LegacyBackend::receive(Connection& connection) {
  std::array<char, read_bytes> block;
  const ssize_t got = recv(connection.socket.get(), &block.front(), block.size(), 0);
  if (got < 0) {
    return would_block();
  }
  connection.received.append(&block.front(), static_cast<std::size_t>(got));
  return got > 0;
}

bool LegacyBackend::send_unsent(Connection& connection) {
  std::string& unsent = connection.unsent;
  if (unsent.empty()) {
    return true;
  }
  const ssize_t sent = send(connection.socket.get(), unsent.c_str(), unsent.size(), MSG_NOSIGNAL);
  if (sent < 0) {
    return would_block();
  }
  unsent.erase(0, static_cast<std::size_t>(sent));
  return true;
}

bool LegacyBackend::answer_received(Connection& connection) {
  std::string& received = connection.received;
  if (!connection.request) {
    connection.request = read_legacy_request(received);
    if (!connection.request) {
      return false;
    }
    received.erase(0, connection.request->head_bytes);
  }
  LegacyRequest& request = *connection.request;
  const auto arrived = std::min<std::uint64_t>(request.body_bytes, received.size());
  received.erase(0, static_cast<std::size_t>(arrived));
  request.body_bytes -= arrived;
  if (request.body_bytes > 0) {
    return false;
  }
  answer(connection, request);
  connection.request.reset();
  return true;
}

void LegacyBackend::answer(Connection& connection, const LegacyRequest& request) {
  const std::uint64_t number = ++answered_;
  ++connection.requests;
  connection.last_answer = !request.keep_alive;
  connection.unsent = legacy_answer(
      request,
      fmt::format("Answer {} of a legacy HTTP/1.0 server: connection {}, request {} on it.\n",
                  number, connection.number, connection.requests));
}

}  // namespace holdfast
