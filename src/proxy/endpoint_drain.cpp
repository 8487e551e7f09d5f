// How an endpoint comes to its end: its worker drains, or its address is removed.

#include "proxy/endpoint.h"
#include "proxy/exchange.h"

namespace holdfast {

void Endpoint::drain() {
  const auto why = context_.draining ? Retirement::shutdown : Retirement::address_removed;
  while (UpstreamConnection* idle = pool_.newest_idle()) {
    retire(*idle, why);
  }
  while (UpstreamConnection* resting = pool_.oldest_resting()) {
    retire(*resting, why);
  }
  while (UpstreamConnection* attempt = waiting() == 0 ? pool_.any_connecting() : nullptr) {
    retire(*attempt, why);
  }
}

// Only those who wait now are sent on, each once: nobody comes back to a removed endpoint.
void Endpoint::remove() {
  removed_ = true;
  for (std::size_t left = waiting(); left > 0; --left) {
    Exchange* replay = take_out(replays_.next());
    if (Exchange* exchange = replay != nullptr ? replay : take_out(waiters_.next())) {
      exchange->on_server_removed();
    }
  }
  drain();
}

}  // namespace holdfast
