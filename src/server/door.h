#pragma once

#include "base/timer_wheel.h"
#include "net/listener.h"
#include "pool/permits.h"
#include "proxy/client_connection.h"

namespace holdfast {

// One listener in one worker: lets clients in as long as there are permits for them and serves them
// by its listener's options. When permits run out it stops accepting; clients then wait in the
// kernel's queue.
class Door final : public ClientOwner, private ListenerEvents, private Timer {
 public:
  // `permits` is shared with the same listener's doors of other workers. on_empty is called
  // whenever the last of its clients has gone.
  Door(Context& context, Loop& loop, const ListenerOptions& options,
       std::span<Upstream* const> upstreams, Permits& permits, std::function<void()> on_empty);
  Door(const Door&) = delete;
  Door& operator=(const Door&) = delete;
  ~Door() { context_.timers.disarm(*this); }

  // Its clients' requests are answered here and by no upstream. Before open().
  void answer_by(LocalResponder& responder) { service_.responder = &responder; }

  // Its clients at present.
  [[nodiscard]] std::size_t clients() const { return service_.clients; }
  [[nodiscard]] const Service& service() const { return service_; }

  // Listens on a bound socket, which it owns from now on. Returns an errno value.
  [[nodiscard]] int open(int descriptor) { return listener_.listen(descriptor); }

  // Lets those in who wait in the kernel's queue already, then nobody.
  void close();

 private:
  static constexpr Duration retry = 20ms;            // while there are no permits
  static constexpr Duration after_shortage = 100ms;  // until the kernel is asked again
  static constexpr Duration look_again = 100ms;      // whether it is still crowded
  static constexpr int shed_at_once = 16;

  [[nodiscard]] bool may_accept() override;
  void on_accepted(int descriptor, const IpAddress& from) override;
  void on_none_accepted() override { permits_.give_back(); }
  void on_accept_failed(int system) override;
  void on_client_closed(ClientConnection& client, Stream& stream) override;
  void on_deadline(TimePoint now) override;

  [[nodiscard]] bool has_memory();
  void wait_for_machine(int system);
  void serve(int descriptor, const IpAddress& from);
  void go_on();
  void block(Duration until_next_try);
  void judge();
  void shed(int most);

  Context& context_;
  Service service_;
  Permits& permits_;
  std::function<void()> on_empty_;
  Listener listener_;
  bool blocked_ = false;  // the listener waits for a permit, or for the end of a shortage
};

}  // namespace holdfast
