#pragma once

#include <uv.h>

#include <functional>
#include <tl/expected.hpp>

#include "net/address.h"
#include "net/tcp_stream.h"

namespace holdfast {

// What a listener tells its owner.
class ListenerEvents {
 public:
  // A connection can be accepted. An owner that has no room for it does not call accept(): the
  // listener then stops by itself until accept() is called.
  virtual void on_connection() = 0;
  // The kernel could not accept; `system` is an errno value. The listener goes on.
  virtual void on_accept_failed(int system) = 0;

 protected:
  ~ListenerEvents() = default;
};

// Opens a socket bound to the address, not listening yet. With `shared`, several sockets of this
// process may be bound to it (SO_REUSEPORT, one per worker). Errors: an errno value.
enum class PortSharing { exclusive, shared };
[[nodiscard]] tl::expected<int, int> open_listening_socket(const SocketAddress& address,
                                                           PortSharing sharing);

// The address that a bound socket really has, its port chosen by the kernel if 0 was asked for.
[[nodiscard]] SocketAddress bound_address(int descriptor);

// A listening socket on a loop. close() may be called at any time; the object must outlive the
// loop's run. Connections that the kernel had accepted before are not lost: see take_waiting.
class Listener {
 public:
  Listener(Loop& loop, ListenerEvents& events) : loop_(loop), events_(events) {}
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  // Listens on a bound socket, which the listener owns from now on. Returns an errno value.
  [[nodiscard]] int listen(int descriptor);

  // Accepts the connection that on_connection spoke of. Returns an errno value.
  [[nodiscard]] int accept(TcpStream& into);

  // Calls take(descriptor) for each connection that waits, the one that was told of and not
  // accepted and those in the kernel's queue. Before close(), so that no client which was let in is
  // reset. The caller owns the descriptors.
  void take_waiting(const std::function<void(int)>& take);

  void close();

 private:
  static constexpr int backlog = 4096;  // bounded by net.core.somaxconn

  static void on_connection(uv_stream_t* server, int status);
  static void on_closed(uv_handle_t* closed);
  void reopen();
  [[nodiscard]] int take_held();

  uv_tcp_t tcp_;
  uv_tcp_t held_;  // for the one connection that libuv holds, while it is taken out
  Loop& loop_;
  ListenerEvents& events_;
  int reopen_with_ = -1;  // the descriptor to go on with once the broken one is closed
  bool open_ = false;
  bool holds_ = false;  // libuv holds a connection that was told of and not accepted
};

}  // namespace holdfast
