#include "net/listener.h"

#include <fcntl.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>

#include "base/check.h"

namespace holdfast {
namespace {

uv_stream_t* as_stream(uv_tcp_t& tcp) { return reinterpret_cast<uv_stream_t*>(&tcp); }

}  // namespace

tl::expected<int, int> open_listening_socket(const SocketAddress& address, PortSharing sharing) {
  const int made = ::socket(address.raw().sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (made < 0) {
    return tl::unexpected(errno);
  }
  const int on = 1;
  setsockopt(made, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  // Inherited by every connection accepted here, so it costs no system call per connection.
  setsockopt(made, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
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
  check(uv_tcp_init(&loop_.uv_, &tcp_) == 0, "libuv could not make a listener");
  tcp_.data = this;
  loop_.opened();
  open_ = true;
  int status = uv_tcp_open(&tcp_, descriptor);
  if (status != 0) {
    ::close(descriptor);
  } else {
    status = uv_listen(as_stream(tcp_), backlog, on_connection);
  }
  return system_error(status);
}

void Listener::on_connection(uv_stream_t* server, int status) {
  Listener& self = *static_cast<Listener*>(server->data);
  if (status == 0) {
    self.holds_ = true;
    self.events_.on_connection();
  } else {
    self.events_.on_accept_failed(system_error(status));
  }
}

int Listener::accept(TcpStream& into) {
  holds_ = false;
  const int status = uv_accept(as_stream(tcp_), into.stream());
  if (status != 0 && status != UV_EAGAIN) {
    reopen();  // libuv 1.44 never polls a listener again after a failed uv_accept
  } else if (status == 0) {
    into.accepted();
  }
  return system_error(status);
}

void Listener::reopen() {
  uv_os_fd_t descriptor = -1;
  if (!open_ || reopen_with_ >= 0 ||
      uv_fileno(reinterpret_cast<uv_handle_t*>(&tcp_), &descriptor) != 0) {
    return;
  }
  reopen_with_ = ::fcntl(descriptor, F_DUPFD_CLOEXEC, 0);
  uv_close(reinterpret_cast<uv_handle_t*>(&tcp_), on_closed);
}

void Listener::take_waiting(const std::function<void(int)>& take) {
  uv_os_fd_t descriptor = -1;
  if (!open_ || uv_fileno(reinterpret_cast<uv_handle_t*>(&tcp_), &descriptor) != 0) {
    return;
  }
  if (holds_) {
    if (const int held = take_held(); held >= 0) {
      take(held);
    }
  }
  while (true) {
    const int accepted = ::accept4(descriptor, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (accepted < 0) {
      return;
    }
    take(accepted);
  }
}

// libuv gives the connection to a stream only, so it passes through one.
int Listener::take_held() {
  holds_ = false;
  check(uv_tcp_init(&loop_.uv_, &held_) == 0, "libuv could not make a stream");
  held_.data = this;
  loop_.opened();
  int taken = -1;
  uv_os_fd_t descriptor = -1;
  if (uv_accept(as_stream(tcp_), as_stream(held_)) == 0 &&
      uv_fileno(reinterpret_cast<uv_handle_t*>(&held_), &descriptor) == 0) {
    taken = ::fcntl(descriptor, F_DUPFD_CLOEXEC, 0);
  }
  uv_close(reinterpret_cast<uv_handle_t*>(&held_),
           [](uv_handle_t* closed) { static_cast<Listener*>(closed->data)->loop_.closed(); });
  return taken;
}

void Listener::close() {
  if (open_) {
    open_ = false;
    if (reopen_with_ < 0) {
      uv_close(reinterpret_cast<uv_handle_t*>(&tcp_), on_closed);
    }
  }
}

void Listener::on_closed(uv_handle_t* closed) {
  Listener& self = *static_cast<Listener*>(closed->data);
  self.loop_.closed();
  const int descriptor = self.reopen_with_;
  self.reopen_with_ = -1;
  if (descriptor < 0) {
    return;
  }
  if (!self.open_) {
    ::close(descriptor);
    return;
  }
  if (const int failed = self.listen(descriptor); failed != 0) {
    self.events_.on_accept_failed(failed);
  }
}

}  // namespace holdfast
