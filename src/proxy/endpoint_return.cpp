// How a connection comes back to its endpoint after an exchange, rests, and goes.

#include "base/log.h"
#include "proxy/endpoint.h"

namespace holdfast {

// The last rung of the ladder. Behind the backend's end of stream a reset is the best close there
// is: neither side keeps a TIME_WAIT, and the backend, having closed, sees nothing of it. Otherwise
// an end of stream is the polite way, and costs a port for a minute: what is left of them decides.
void Endpoint::close(UpstreamConnection& connection) {
  switch (options_.retire) {
    case Retire::automatic: {
      const bool scarce = shared_.ports_scarce.load(std::memory_order_relaxed);
      const bool second = connection.closer() == Closer::backend;
      connection.close(second || scarce ? Ending::reset : Ending::fin);
      return;
    }
    case Retire::reset:
      connection.close(Ending::reset);
      return;
    case Retire::peer_first:
    case Retire::fin:
      connection.close(Ending::fin);
      return;
  }
}

void Endpoint::on_leaving_deadline(UpstreamConnection& connection) { close(connection); }

bool Endpoint::pin(UpstreamConnection& connection, ReturnFacts facts) {
  const Retirement verdict = pool_.pin(connection, facts, context_.now());
  if (verdict != Retirement::none) {
    note_retired(connection, verdict);
    close(connection);
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
  const Duration given = options_.pool.idle_timeout;
  const Duration limit = !learns_idle()          ? given
                         : learned_.idle_limit() ? learned_.safe_idle()
                                                 : LearnedLimits::longest_safe;
  const bool idle_too_long =
      limit != Duration::zero() && now >= connection.use().idle_since + limit;
  if (!idle_too_long && now < connection.use().old_at && !starved() && !removed_) {
    rest_pinned(connection);
  } else {
    connection.leave_client();
    retire(connection, Retirement::connection_bound);
  }
}

// Where the backend is to close, or has said that it will, it is left some time to do so.
void Endpoint::leave_to_backend(UpstreamConnection& connection) {
  const bool is_missed = waiting() != 0 && shared_.permits.taken() >= shared_.permits.limit();
  const Duration grace = options_.retire == Retire::peer_first ? patient_grace : leaving_grace;
  connection.close_second(is_missed ? missed_grace : grace);
}

Retirement Endpoint::give_back(UpstreamConnection& connection, ReturnFacts facts) {
  note_served();
  const TimePoint now = context_.now();
  const Retirement verdict = pool_.give_back(connection, facts, now);
  if (verdict != Retirement::none) {
    note_retired(connection, verdict);
    if (verdict == Retirement::closed_by_backend) {
      learned_.note_announced_end(connection.use().requests);
    }
    const bool asked = connection.use().last_for != Retirement::none;
    const bool told =
        verdict == Retirement::closed_by_backend || verdict == Retirement::no_keep_alive;
    if (asks_to_close() && (asked || told) && !connection.ended()) {
      leave_to_backend(connection);
    } else {
      close(connection);
    }
    return verdict;
  }
  check(!connection.bound(), "a connection that somebody has logged in over is shared");
  learned_.note_carried(connection.use().requests);
  if (tries_beyond_cap(connection) && !letting_go()) {
    pool_.rest(connection);
    connection.rest(now + cap_trial_time);
    keep_connecting();  // who waited for it needs another
    return verdict;
  }
  connection.rest(pool_.idle_deadline(connection));
  if (context_.workers > 1) {
    help_neighbours();
  }
  serve_waiters();
  if (letting_go()) {
    drain();
  }
  return verdict;
}

void Endpoint::retire(UpstreamConnection& connection, Retirement reason) {
  pool_.retire(connection);
  note_retired(connection, reason);
  close(connection);
}

void Endpoint::suspect_idle() {
  while (UpstreamConnection* oldest = pool_.oldest_idle()) {
    retire(*oldest, Retirement::suspect);
  }
  while (UpstreamConnection* oldest = pool_.oldest_resting()) {
    retire(*oldest, Retirement::suspect);
  }
}

void Endpoint::on_stray_bytes(UpstreamConnection& connection) {
  if (connection.pool_state() != PoolState::leaving) {
    log::warn(
        "upstream {}: {} sent bytes that nobody asked for; the connection is closed. Look for "
        "answers of the backend that are longer than their Content-Length",
        options_.name, authority_);
    retire(connection, Retirement::spoke_while_idle);
  }
}

void Endpoint::on_ended_unasked(UpstreamConnection& connection) {
  if (connection.pool_state() == PoolState::leaving) {
    close(connection);
  } else {
    learn_end(connection);
    retire(connection,
           connection.bound() ? Retirement::connection_bound : Retirement::ended_while_idle);
  }
}

void Endpoint::on_closed(UpstreamConnection& connection, Stream& stream) {
  pool_.forget(connection);
  count_closed(connection);
  ++closed_;
  if (!connection.moved()) {
    shared_.leave_port(connection.source(), connection.port_after(), context_.now());
    shared_.permits.give_back();
  }
  context_.upstream_connections.release(connection);
  context_.streams.release(stream);
  add_held(-1);
  if (yield_permit()) {
    arm();
  } else {
    keep_connecting();
  }
}

}  // namespace holdfast
