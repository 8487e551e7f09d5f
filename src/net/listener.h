#pragma once

#include <uv.h>

#include <functional>
#include <tl/expected.hpp>

#include "base/time.h"
#include "net/address.h"
#include "net/loop.h"

namespace holdfast {

// What a listener tells its owner.
class ListenerEvents {
 public:
  // Asked before each accept, and one of the events below follows a yes. An owner that has no room
  // says no; the connections then wait in the kernel's queue, and the listener asks nobody until
  // resume().
  [[nodiscard]] virtual bool may_accept() = 0;
  // A connection has come in, from this address. The owner owns the descriptor.
  virtual void on_accepted(int descriptor, const IpAddress& from) = 0;
  // Nobody was there to be accepted after all.
  virtual void on_none_accepted() = 0;
  // The kernel could not accept; `system` is an errno value. The connections wait in the kernel's
  // queue until resume().
  virtual void on_accept_failed(int system) = 0;

 protected:
  ~ListenerEvents() = default;
};

// Opens a socket bound to an IP address, not listening yet. With `shared`, several sockets of this
// process may be bound to it (SO_REUSEPORT, one per worker). What it accepts inherits from it that
// a vanished client is noticed within a minute and a half, or within `write_timeout` if that is
// longer: how long a client may keep its window shut. 0 is for ever. Errors: an errno value.
enum class PortSharing { exclusive, shared };
[[nodiscard]] tl::expected<int, int> open_listening_socket(const SocketAddress& address,
                                                           PortSharing sharing,
                                                           Duration write_timeout = {});

// The IP address that a bound socket really has, its port chosen by the kernel if 0 was asked for.
[[nodiscard]] SocketAddress bound_address(int descriptor);

// A listening socket on a loop. Accepts by itself and not through libuv's listener, which closes
// the waiting connections unheard when descriptors run out, calls back without end when memory
// does, and never polls again after a failed uv_accept. close() may be called at any time; the
// object must outlive the loop's run.
class Listener {
 public:
  // Connections accepted in one turn of the loop; the next ones have to wait for the others' turn.
  static constexpr int accepts_per_turn = 64;
  // Connections that may wait for their accept; the kernel cuts it to net.core.somaxconn.
  static constexpr int backlog = 4096;

  Listener(Loop& loop, ListenerEvents& events) : loop_(loop), events_(events) {}
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  // Listens on a bound socket, which the listener owns from now on. Returns an errno value.
  [[nodiscard]] int listen(int descriptor);

  // There may be room again.
  void resume();

  // Calls take(descriptor, from) for each connection in the kernel's queue. Before close(), so that
  // no client which was let in is reset. The caller owns the descriptors.
  using Take = std::function<void(int, const IpAddress&)>;
  void take_waiting(const Take& take);

  void close();

 private:
  static void on_readable(uv_poll_t* poll, int status, int events);
  [[nodiscard]] int accept_one(IpAddress& from) const;
  void accept_some();
  void pause();

  uv_poll_t poll_;
  Loop& loop_;
  ListenerEvents& events_;
  int descriptor_ = -1;  // -1: not listening
};

}  // namespace holdfast
