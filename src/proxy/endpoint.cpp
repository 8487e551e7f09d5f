#include "proxy/endpoint.h"

#include <cerrno>
#include <cstring>

#include "base/log.h"
#include "proxy/exchange.h"
#include "proxy/upstream.h"

namespace holdfast {
namespace {

// The worker's part of a limit of the whole process; the parts add up to it.
std::uint32_t share_of(std::uint32_t total, unsigned worker, unsigned workers) {
  return total / workers + (worker < total % workers ? 1 : 0);
}

PoolLimits limits_of(const UpstreamOptions& options, const Context& context) {
  PoolLimits limits = options.pool;
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
      pool_(limits_of(options, context)) {
  if (options.protocol != ProtocolChoice::automatic) {
    speaks_ = options.protocol == ProtocolChoice::http10 ? Speaks::http10 : Speaks::http11;
  }
  shared_.holders.fetch_add(1, std::memory_order_relaxed);
}

Endpoint::~Endpoint() {
  context_.timers.disarm(auditor_);
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
      return Lease(*pool_.lease());
    }
    retire(*newest, verdict);
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
  queue_of(exchange).join(exchange, until);
  // The first to ask after a failure does not have to wait for the pause to end, unless it is this
  // machine that could not.
  const bool at_once = alone && failures_ != 0 && !circuit_open();
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

// Wait-or-connect: no more attempts than requests that wait, as far as the permits go.
std::optional<Error> Endpoint::connect_more(Pause pause) {
  if (pause == Pause::kept && context_.now() < next_connect_) {
    return std::nullopt;
  }
  const std::size_t wanted = circuit_open() ? std::min<std::size_t>(1, waiting()) : waiting();
  while (pool_.connecting() < wanted) {
    if (!shared_.permits.take()) {
      call_for_help();
      return std::nullopt;
    }
    if (const auto failed = connect_one()) {
      return failed;
    }
  }
  return std::nullopt;
}

// Whether there is memory for one more connection.
bool Endpoint::has_memory() const {
  return context_.upstream_connections.ready() && context_.streams.ready();
}

UpstreamConnection& Endpoint::open() {
  UpstreamConnection& connection = context_.upstream_connections.make(context_, *this);
  add_held(1);
  pool_.start(connection);
  ++opened_;
  if (!auditor_.armed()) {
    context_.timers.arm(auditor_, context_.now() + audit_interval);
  }
  return connection;
}

std::optional<Error> Endpoint::connect_one() {
  if (!has_memory()) {
    shared_.permits.give_back();
    back_off(make_error(ErrorCode::out_of_memory));
    return make_error(ErrorCode::out_of_memory);
  }
  UpstreamConnection& connection = open();
  const int failed = connection.connect(shared_.address);
  if (failed == 0) {
    return std::nullopt;
  }
  retire(connection, Retirement::connect_failed);
  back_off(connect_error(failed));
  return connect_error(failed);
}

void Endpoint::on_connected(UpstreamConnection& connection) {
  ++context_.counters.upstream_opened;
  ++tally_.opened;
  tally_.connect.add(whole_microseconds(connection.connect_time()));
  note_reachable();
  pool_.connected(connection, context_.now(), context_.random());
  connection.rest(pool_.idle_deadline(connection));
  if (Exchange* replay = take_out(replays_.next())) {
    replay->on_lease(try_lease());
  } else {
    serve_waiters();
  }
  keep_connecting();  // for those who were held back by failures
  if (letting_go()) {
    drain();
  }
}

// Who waits for a server that is set aside goes to one that serves, rather than wait for a
// connection that may hang just as well.
void Endpoint::on_connect_failed(UpstreamConnection& connection, Error error) {
  const bool served = health_.serving();
  back_off(error);
  retire(connection, Retirement::connect_failed);
  const bool set_aside = served && !health_.serving();
  if (error.side != Side::local && (hopeless() || (set_aside && upstream_.others_serve(*this)))) {
    fail_waiters(error);
  }
  arm();
}

// Opens what those who wait need, and tells them if there is no hope.
void Endpoint::keep_connecting() {
  const auto failed = connect_more();
  if (failed && failed->side != Side::local && hopeless()) {
    fail_waiters(*failed);
  }
  if (context_.workers > 1) {
    pass_on_permit();
  }
  arm();
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
  UpstreamConnection* newest = pool_.newest_idle();
  if (newest != nullptr && pool_.connecting() < replays_.size() &&
      shared_.permits.taken() >= shared_.permits.limit()) {
    retire(*newest, Retirement::suspect);
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

bool Endpoint::pin(UpstreamConnection& connection, ReturnFacts facts) {
  const Retirement verdict = pool_.pin(connection, facts, context_.now());
  if (verdict != Retirement::none) {
    note_retired(connection, verdict);
    connection.close();
    return false;
  }
  rest_pinned(connection);
  return true;
}

void Endpoint::rest_pinned(UpstreamConnection& connection) {
  connection.rest(std::min(pool_.idle_deadline(connection), context_.now() + pinned_grace));
}

void Endpoint::lease_pinned(UpstreamConnection& connection) {
  ++context_.counters.upstream_leases;
  pool_.lease_pinned(connection);
}

// A request of this worker or of another waits, and only a connection that closes makes room for
// it.
bool Endpoint::starved() const {
  const std::uint32_t wait = shared_.waiting.load(std::memory_order_relaxed);
  return wait > pool_.connecting() + pool_.leaving() &&
         shared_.permits.taken() >= shared_.permits.limit();
}

// A client that may ask again some time must not keep out those who ask now: without this, as many
// clients as there are permits could log in, rest, and so close the endpoint to all others.
void Endpoint::on_pinned_deadline(UpstreamConnection& connection, TimePoint now) {
  if (pool_.judge_idle(connection, now) == Retirement::none && !starved() && !removed_) {
    rest_pinned(connection);
  } else {
    connection.leave_client();
    retire(connection, Retirement::connection_bound);
  }
}

void Endpoint::give_back(UpstreamConnection& connection, ReturnFacts facts) {
  const Retirement verdict = pool_.give_back(connection, facts, context_.now());
  if (verdict != Retirement::none) {
    note_retired(connection, verdict);
    // A backend that has said it will close is left to close first.
    if (verdict == Retirement::closed_by_backend) {
      const bool is_missed = waiting() != 0 && shared_.permits.taken() >= shared_.permits.limit();
      connection.close_second(is_missed ? missed_grace : leaving_grace);
    } else {
      connection.close();
    }
    return;
  }
  check(!connection.bound(), "a connection that somebody has logged in over is shared");
  connection.rest(pool_.idle_deadline(connection));
  if (context_.workers > 1) {
    help_neighbours();
  }
  serve_waiters();
  if (letting_go()) {
    drain();
  }
}

void Endpoint::retire(UpstreamConnection& connection, Retirement reason) {
  pool_.retire(connection);
  note_retired(connection, reason);
  connection.close();
}

void Endpoint::note_replay(Error why) {
  if (const auto held_back = replay_brake_.pass(context_.now())) {
    log::warn(
        "upstream {}: {}: a request is sent once more on a fresh connection: {}{}{} ({} more since "
        "the last such line)",
        options_.name, authority_, error_row(why.code).text, why.system != 0 ? " " : "",
        why.system != 0 ? std::strerror(why.system) : "", *held_back);
  }
}

void Endpoint::suspect_idle() {
  while (UpstreamConnection* oldest = pool_.oldest_idle()) {
    retire(*oldest, Retirement::suspect);
  }
}

void Endpoint::on_stray_bytes(UpstreamConnection& connection) {
  if (connection.pool_state() != PoolState::leaving) {
    log::warn("{}: sent bytes that nobody asked for; the connection is closed", authority_);
    retire(connection, Retirement::spoke_while_idle);
  }
}

void Endpoint::on_ended_unasked(UpstreamConnection& connection) {
  if (connection.pool_state() == PoolState::leaving) {
    connection.close();
  } else {
    retire(connection,
           connection.bound() ? Retirement::connection_bound : Retirement::ended_while_idle);
  }
}

void Endpoint::on_idle_deadline(UpstreamConnection& connection, TimePoint now) {
  const Retirement verdict = pool_.judge_idle(connection, now);
  if (verdict == Retirement::none) {
    connection.rest(pool_.idle_deadline(connection));
  } else {
    retire(connection, verdict);
  }
}

void Endpoint::on_closed(UpstreamConnection& connection, Stream& stream) {
  pool_.forget(connection);
  count_closed(connection);
  ++closed_;
  if (!connection.moved()) {
    shared_.permits.give_back();
  }
  context_.upstream_connections.release(connection);
  context_.streams.release(stream);
  add_held(-1);
  keep_connecting();
}

void Endpoint::arm() {
  TimePoint due = std::min(waiters_.first_deadline(), replays_.first_deadline());
  if (waiting() != 0 && next_connect_ > context_.now()) {
    due = std::min(due, next_connect_);
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
  pool_.look_over(audited_connections,
                  [](const UpstreamConnection& connection) { connection.verify(); });
}

std::string Endpoint::ledger() const {
  return fmt::format(
      "The books of {}: {} opened, {} connecting, {} leased, {} pinned, {} idle, {} leaving, {} "
      "closed; {} "
      "permits of {}, {} held; {} waiting, {} of all workers",
      authority_, opened_, pool_.connecting(), pool_.leased(), pool_.pinned(), pool_.idle(),
      pool_.leaving(), closed_, shared_.permits.taken(), shared_.permits.limit(),
      shared_.held[context_.worker].load(), waiting(), shared_.waiting.load());
}

}  // namespace holdfast
