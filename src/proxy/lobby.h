#pragma once

#include <optional>

#include "base/timer_wheel.h"
#include "pool/waiters.h"
#include "proxy/context.h"
#include "proxy/options.h"

namespace holdfast {

// The requests for an upstream none of whose servers has an address yet: its names are being looked
// up for the first time. They wait as long as for a connection, and are told at once if the lookups
// fail.
class Lobby final : private Timer {
 public:
  Lobby(Context& context, const UpstreamOptions& options) : context_(context), options_(options) {}
  Lobby(const Lobby&) = delete;
  Lobby& operator=(const Lobby&) = delete;
  ~Lobby() { context_.timers.disarm(*this); }

  // Queues the exchange: on_server_known or fail follows. An error means that it is not queued:
  // the last lookups have failed.
  [[nodiscard]] std::optional<Error> wait(Exchange& exchange);
  void leave(Exchange& exchange);
  [[nodiscard]] std::size_t waiting() const { return waiters_.size(); }

  // Why there is no server, or nothing as long as the lookups are under way.
  void lack(std::optional<Error> why);
  // There are servers.
  void open();

 private:
  void on_deadline(TimePoint now) override;

  Context& context_;
  const UpstreamOptions& options_;
  Waiters<Exchange> waiters_;
  std::optional<Error> lack_;
};

}  // namespace holdfast
