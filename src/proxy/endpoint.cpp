#include "proxy/endpoint.h"

#include <cerrno>

#include "base/log.h"
#include "proxy/exchange.h"
#include "proxy/trouble.h"
#include "proxy/upstream.h"

namespace holdfast {
namespace {

// The worker's part of a limit of the whole process; the parts add up to it.
std::uint32_t share_of(std::uint32_t total, unsigned worker, unsigned workers) {
  return total / workers + (worker < total % workers ? 1 : 0);
}

PoolLimits limits_of(const UpstreamOptions& options, const Context& context) {
  PoolLimits limits = options.pool;
  if (limits.idle_timeout == learned_timeout) {
    limits.idle_timeout = LearnedLimits().safe_idle();
  }
  if (limits.max_idle < limits.max_connections) {
    limits.max_idle = share_of(limits.max_idle, context.worker, context.workers);
  }
  return limits;
}

}  // namespace

Endpoint::Endpoint(Context& context, SharedEndpoint& shared, const UpstreamOptions& options,
                   const Upstream& upstream)
    : context_(context),
      shared_(shared),
      options_(options),
      upstream_(upstream),
      answer_limits_{.head_bytes = options.limits.head,
                     .target_bytes = options.limits.head,
                     .fields = http1::max_fields},
      authority_(shared.address.text()),
      learned_cap_(no_cap),
      pool_(limits_of(options, context),
            asks_to_close() ? LastRequest::announced : LastRequest::silent),
      warm_(share_of(options.pool.min_idle, context.worker, context.workers)) {
  if (options.protocol != ProtocolChoice::automatic) {
    speaks_ = options.protocol == ProtocolChoice::http10 ? Speaks::http10 : Speaks::http11;
  }
  shared_.holders.fetch_add(1, std::memory_order_relaxed);
  if (warm_ != 0) {
    context_.timers.arm(warmer_, context_.now());
  }
}

Endpoint::~Endpoint() {
  context_.timers.disarm(auditor_);
  context_.timers.disarm(warmer_);
  context_.timers.disarm(*this);
  shared_.holders.fetch_sub(1, std::memory_order_release);  // the last that is known of it here
}

void Endpoint::learn(Version answered) {
  if (options_.protocol == ProtocolChoice::automatic) {
    speaks_ = answered == Version::http10 ? Speaks::http10 : Speaks::http11;
  }
}

// Whether the connection was used so recently that nothing can have happened to it unseen: it was
// drained by the short read that ended its last answer, and since then the loop has hardly polled.
// An answer that ends where its read ended for lack of room says nothing about what is behind it.
// Counted in turns and not in time: a turn under load may take longer than an idle pause at rest.
bool Endpoint::fresh(const UpstreamConnection& connection, TimePoint now) const {
  const Duration idle = now - connection.use().idle_since;
  return connection.rested_drained() &&
         (idle <= fresh_time || (idle <= fresh_turns_time &&
                                 context_.clock.turn() - connection.rested_in() <= fresh_turns));
}

// The newest idle connection that may be used. One that has been idle for a while is asked first
// whether the backend has closed it or spoken: the loop may not have come to that event yet.
Lease Endpoint::try_lease() {
  const TimePoint now = context_.now();
  while (UpstreamConnection* newest = pool_.newest_idle()) {
    Retirement verdict = pool_.judge_idle(*newest, now);
    if (verdict == Retirement::none && !fresh(*newest, now) && !newest->stream().quiet()) {
      verdict = Retirement::stale;
    }
    if (verdict == Retirement::none) {
      ++context_.counters.upstream_leases;
      UpstreamConnection& leased = *pool_.lease(now);
      if (tries_beyond_cap(leased) && learned_.watches_beyond_cap()) {
        pool_.try_beyond(leased);
      }
      return Lease(leased);
    }
    if (verdict == Retirement::stale) {
      learn_end(*newest);
      retire(*newest, verdict);
    } else {
      expire(*newest, verdict);
    }
  }
  return {};
}

Waiters<Exchange>& Endpoint::queue_of(const Exchange& exchange) {
  return exchange.needs_fresh_connection() ? replays_ : waiters_;
}

std::optional<Error> Endpoint::wait(Exchange& exchange) {
  const bool alone = hopeless();
  if (alone && circuit_open() && context_.now() < next_connect_) {
    return last_failure_;
  }
  const std::size_t max = options_.queue.max;
  const std::uint32_t before = shared_.waiting.fetch_add(1, std::memory_order_relaxed);
  // Who finds a permit does not queue for a connection, only for its handshake.
  if (max != 0 && before >= max && shared_.permits.taken() >= shared_.permits.limit()) {
    shared_.waiting.fetch_sub(1, std::memory_order_relaxed);
    return make_error(ErrorCode::queue_full);
  }
  const TimePoint until = options_.queue.timeout == Duration::zero()
                              ? TimePoint::max()
                              : context_.now() + options_.queue.timeout;
  if (waiting() == 0) {
    patience_.on_queue(context_.fine_now());
  }
  queue_of(exchange).join(exchange, until);
  // The first to ask after a failure does not have to wait for the pause to end, unless it is this
  // machine that could not.
  const bool at_once = alone && failures_ != 0 && !circuit_open();
  if (held_off() != 0) {
    patience_.spend();
  }
  const auto failed = connect_more(at_once ? Pause::skipped : Pause::kept);
  if (failed && failed->side != Side::local && hopeless()) {
    leave(exchange);
    return failed;
  }
  arm();
  return std::nullopt;
}

Exchange* Endpoint::take_out(Exchange* exchange) {
  if (exchange != nullptr) {
    shared_.waiting.fetch_sub(1, std::memory_order_relaxed);
  }
  return exchange;
}

void Endpoint::leave(Exchange& exchange) {
  queue_of(exchange).leave(exchange);
  take_out(&exchange);
}

// Only those who wait now: a failed exchange may bring another one to the queue.
void Endpoint::fail_waiters(Error error) {
  for (std::size_t left = waiting(); left > 0; --left) {
    Exchange* replay = take_out(replays_.next());
    if (Exchange* exchange = replay != nullptr ? replay : take_out(waiters_.next())) {
      exchange->fail(error);
    }
  }
}

// A replay must not meet another old connection. Where all permits are taken by those, one of them
// has to go.
void Endpoint::make_way_for_replays() {
  UpstreamConnection* resting = pool_.oldest_resting();
  UpstreamConnection* in_the_way = resting != nullptr ? resting : pool_.newest_idle();
  if (in_the_way != nullptr && pool_.connecting() < replays_.size() &&
      shared_.permits.taken() >= shared_.permits.limit()) {
    retire(*in_the_way, Retirement::suspect);
  }
}

void Endpoint::serve_waiters() {
  if (!replays_.empty()) {
    make_way_for_replays();
  }
  while (!waiters_.empty()) {
    Lease lease = try_lease();
    if (!lease) {
      return;
    }
    take_out(waiters_.next())->on_lease(std::move(lease));
  }
}

void Endpoint::note_replay(Error why) {
  if (const auto held_back = replay_brake_.pass(context_.now())) {
    log::warn(
        "upstream {}: {}: a request is sent once more on a fresh connection: {}. Nothing is lost; "
        "if it happens often, set pool.idle_timeout below the backend's own ({} more since the "
        "last such line)",
        options_.name, authority_, trouble_of(why, authority_), *held_back);
  }
}

void Endpoint::arm() {
  TimePoint due = std::min(waiters_.first_deadline(), replays_.first_deadline());
  if (waiting() != 0 && next_connect_ > context_.now()) {
    due = std::min(due, next_connect_);
  }
  if (!waiters_.empty() && patience_.over_at() > context_.now()) {
    due = std::min(due, patience_.over_at());
  }
  context_.timers.arm(*this, due);
}

void Endpoint::on_deadline(TimePoint now) {
  for (Waiters<Exchange>* queue : {&replays_, &waiters_}) {
    while (Exchange* exchange = take_out(queue->expired(now))) {
      exchange->fail(shortage_.value_or(make_error(ErrorCode::queue_timeout)));
    }
  }
  keep_connecting();
}

void Endpoint::on_audit(TimePoint now) {
  audit();
  look_for_pinning(now);
  if (pool_.size() != 0) {
    context_.timers.arm(auditor_, now + audit_interval);
  }
}

void Endpoint::audit() const {
  const auto about = [this] { return ledger(); };
  check_about(opened_ == pool_.size() + closed_,
              "a connection that was opened is in the pool or closed", about);
  check_about(shared_.held[context_.worker].load(std::memory_order_relaxed) == pool_.size(),
              "a connection that is held is in the pool", about);
  // The sum over several workers holds at no one moment that can be seen.
  if (context_.workers == 1) {
    check_about(shared_.permits.taken() == pool_.size(), "a connection has a permit", about);
    check_about(shared_.waiting.load(std::memory_order_relaxed) == waiting(),
                "who waits is in a queue", about);
  }
  check_about(shared_.permits.taken() <= shared_.permits.limit(), "permits keep their limit",
              about);
  if (context_.workers == 1 && shared_.ports.sources() != 0) {
    check_about(shared_.ports.use(context_.now()).live == pool_.size(), "a connection has a port",
                about);
  }
  pool_.look_over(audited_connections,
                  [](const UpstreamConnection& connection) { connection.verify(); });
}

std::string Endpoint::ledger() const {
  return fmt::format(
      "The books of {}: {} opened, {} connecting, {} leased, {} pinned, {} idle, {} resting, {} "
      "leaving, {} closed; {} "
      "permits of {}, {} held; {} waiting, {} of all workers",
      authority_, opened_, pool_.connecting(), pool_.leased(), pool_.pinned(), pool_.idle(),
      pool_.resting(), pool_.leaving(), closed_, shared_.permits.taken(), shared_.permits.limit(),
      shared_.held[context_.worker].load(), waiting(), shared_.waiting.load());
}

}  // namespace holdfast
