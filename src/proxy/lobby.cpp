#include "proxy/lobby.h"

#include "proxy/exchange.h"

namespace holdfast {

std::optional<Error> Lobby::wait(Exchange& exchange) {
  if (lack_) {
    return lack_;
  }
  const std::size_t max = options_.queue.max;
  if (max != 0 && waiters_.size() >= max) {
    return make_error(ErrorCode::queue_full);
  }
  const Duration timeout = options_.queue.timeout;
  waiters_.join(exchange,
                timeout == Duration::zero() ? TimePoint::max() : context_.now() + timeout);
  context_.timers.arm(*this, waiters_.first_deadline());
  return std::nullopt;
}

void Lobby::leave(Exchange& exchange) { waiters_.leave(exchange); }

// Only those who wait now: a failed exchange may bring another one.
void Lobby::lack(std::optional<Error> why) {
  lack_ = why;
  for (std::size_t left = lack_ ? waiters_.size() : 0; left > 0; --left) {
    if (Exchange* exchange = waiters_.next()) {
      exchange->fail(*lack_);
    }
  }
}

void Lobby::open() {
  lack_.reset();
  for (std::size_t left = waiters_.size(); left > 0; --left) {
    if (Exchange* exchange = waiters_.next()) {
      exchange->on_server_known();
    }
  }
}

void Lobby::on_deadline(TimePoint now) {
  while (Exchange* exchange = waiters_.expired(now)) {
    exchange->fail(make_error(ErrorCode::name_unanswered));
  }
  context_.timers.arm(*this, waiters_.first_deadline());
}

}  // namespace holdfast
