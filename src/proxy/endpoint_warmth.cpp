// How an endpoint keeps connections ready before anybody asks, and what it sees of those that
// stand.

#include "base/log.h"
#include "proxy/endpoint.h"

namespace holdfast {

// For those whom nobody waits for: they yield to pauses, to scarce ports and to the limit, and
// where the last attempt has failed there is one at a time.
void Endpoint::keep_warm(TimePoint now) {
  context_.timers.arm(warmer_, now + warm_interval);
  const std::size_t most = health_.connects() ? window_ : 1;
  while (pool_.idle() + pool_.connecting() < warm_ + waiting() && pool_.connecting() < most) {
    const bool may_connect =
        !letting_go() && now >= next_connect_ &&
        shared_.port_budget.load(std::memory_order_relaxed) == PortBudget::ample &&
        shared_.permits.take();
    if (!may_connect || connect_one()) {
      return;
    }
  }
}

// Once a second, as the books are.
void Endpoint::look_for_pinning(TimePoint now) {
  constexpr Duration overdue = 1s;
  constexpr std::size_t bound = audited_connections;
  if (pool_.idle() == 0 || patience_.service() == Duration::zero() ||
      patience_.service() > overdue / 4) {
    return;
  }
  PinningGuard::Sight sight;
  const UpstreamConnection* attempt = pool_.oldest_connecting();
  sight.stuck = attempt != nullptr && now - attempt->attempted_at() >= overdue ? 1 : 0;
  pool_.look_over(bound, [&](const UpstreamConnection& connection) {
    const bool is_new = connection.use().requests <= 1;
    const bool is_late = connection.pool_state() == PoolState::leased &&
                         now - connection.use().idle_since >= overdue;
    const bool is_idle = connection.pool_state() == PoolState::idle;
    sight.stuck += is_new && is_late ? 1 : 0;
    sight.slow += !is_new && is_late ? 1 : 0;
    sight.idle += is_idle && connection.use().requests != 0 ? 1 : 0;
    sight.served += connection.use().requests != 0 && !(is_new && is_late) ? 1 : 0;
  });
  if (guard_.look(sight)) {
    log::warn(
        "upstream {}: {} serves {} connections at a time and lets {} more stand without an answer: "
        "it seems to give each connection a process of its own. Setting pool.max_connections to {} "
        "would serve more",
        options_.name, authority_, sight.served, sight.stuck, sight.served);
  }
}

}  // namespace holdfast
