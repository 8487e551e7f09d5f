#include "net/listener.h"

#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/check.h"
#include "net/tcp_stream.h"

namespace holdfast {
namespace {

// What accept() fails with when this machine is short of something. Any other failure is that of
// one connection, which has gone then (accept(2) names a dozen).
bool is_shortage(int system) {
  return system == EMFILE || system == ENFILE || system == ENOBUFS || system == ENOMEM;
}

// A client that has vanished without a word is noticed by keep-alive probes while it is idle, and
// by the user timeout while it owes acknowledgements, when no probes are sent. The user timeout
// also cuts a probed connection, so it is as long as all probes take: a single lost one costs
// nobody his connection. It also cuts those who keep their window shut, so it is no shorter than
// our own limit.
constexpr int keepalive_idle_seconds = 60;
constexpr int keepalive_interval_seconds = 10;
constexpr int keepalive_probes = 3;
constexpr Duration vanished_time =
    std::chrono::seconds(keepalive_idle_seconds + keepalive_interval_seconds * keepalive_probes);

void notice_vanished(int descriptor, Duration write_timeout) {
  const int on = 1;
  setsockopt(descriptor, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
  setsockopt(descriptor, IPPROTO_TCP, TCP_KEEPIDLE, &keepalive_idle_seconds, sizeof(int));
  setsockopt(descriptor, IPPROTO_TCP, TCP_KEEPINTVL, &keepalive_interval_seconds, sizeof(int));
  setsockopt(descriptor, IPPROTO_TCP, TCP_KEEPCNT, &keepalive_probes, sizeof(int));
  if (write_timeout != Duration::zero()) {
    set_user_timeout(descriptor, std::max(vanished_time, write_timeout));
  }
}

}  // namespace

tl::expected<int, int> open_listening_socket(const SocketAddress& address, PortSharing sharing,
                                             Duration write_timeout) {
  const int made = ::socket(address.raw().sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (made < 0) {
    return tl::unexpected(errno);
  }
  const int on = 1;
  setsockopt(made, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  // Inherited by every connection accepted here, so it costs no system call per connection.
  setsockopt(made, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  notice_vanished(made, write_timeout);
  // A connection is reported when its first bytes are there, so that they are read without another
  // poll; one that stays silent is reported after a second all the same.
  const int silent_seconds = 1;
  setsockopt(made, IPPROTO_TCP, TCP_DEFER_ACCEPT, &silent_seconds, sizeof(silent_seconds));
  if (sharing == PortSharing::shared) {
    setsockopt(made, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on));
  }
  if (::bind(made, &address.raw(), address.raw_bytes()) != 0) {
    const int failed = errno;
    ::close(made);
    return tl::unexpected(failed);
  }
  return made;
}

SocketAddress bound_address(int descriptor) {
  sockaddr_storage storage{};
  socklen_t bytes = sizeof(storage);
  check(::getsockname(descriptor, reinterpret_cast<sockaddr*>(&storage), &bytes) == 0,
        "a bound socket has an address");
  return SocketAddress(reinterpret_cast<const sockaddr&>(storage));
}

int Listener::listen(int descriptor) {
  if (::listen(descriptor, backlog) != 0) {
    const int failed = errno;
    ::close(descriptor);
    return failed;
  }
  const int status = uv_poll_init(&loop_.uv_, &poll_, descriptor);
  if (status != 0) {
    ::close(descriptor);
    return system_error(status);
  }
  poll_.data = this;
  loop_.opened();
  descriptor_ = descriptor;
  resume();
  return 0;
}

void Listener::resume() {
  if (descriptor_ >= 0) {
    check(uv_poll_start(&poll_, UV_READABLE, on_readable) == 0, "an open listener can be polled");
  }
}

void Listener::pause() {
  if (descriptor_ >= 0) {
    uv_poll_stop(&poll_);
  }
}

void Listener::on_readable(uv_poll_t* poll, int, int) {
  static_cast<Listener*>(poll->data)->accept_some();
}

// The owner may close the listener in each of its events.
void Listener::accept_some() {
  for (int accepted = 0; accepted < accepts_per_turn && descriptor_ >= 0; ++accepted) {
    if (!events_.may_accept()) {
      pause();
      return;
    }
    IpAddress from;
    const int descriptor = accept_one(from);
    const int failed = errno;
    if (descriptor >= 0) {
      events_.on_accepted(descriptor, from);
    } else if (is_shortage(failed)) {
      pause();
      events_.on_accept_failed(failed);
      return;
    } else {
      events_.on_none_accepted();
      if (failed == EAGAIN || failed == EWOULDBLOCK) {
        return;
      }
    }
  }
}

int Listener::accept_one(IpAddress& from) const {
  sockaddr_storage address{};
  socklen_t bytes = sizeof(address);
  const int accepted = ::accept4(descriptor_, reinterpret_cast<sockaddr*>(&address), &bytes,
                                 SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (accepted >= 0) {
    from = address.ss_family == AF_UNIX ? IpAddress::of_unix_client()
                                        : IpAddress(reinterpret_cast<const sockaddr&>(address));
  }
  return accepted;
}

void Listener::take_waiting(const Take& take) {
  for (int taken = 0; taken < 2 * backlog && descriptor_ >= 0; ++taken) {
    IpAddress from;
    const int accepted = accept_one(from);
    if (accepted >= 0) {
      take(accepted, from);
    } else if (errno == EAGAIN || errno == EWOULDBLOCK || is_shortage(errno)) {
      return;
    }
  }
}

void Listener::close() {
  if (descriptor_ >= 0) {
    uv_close(reinterpret_cast<uv_handle_t*>(&poll_),
             [](uv_handle_t* closed) { static_cast<Listener*>(closed->data)->loop_.closed(); });
    ::close(descriptor_);  // libuv has taken it off the poll set in uv_close
    descriptor_ = -1;
  }
}

}  // namespace holdfast
