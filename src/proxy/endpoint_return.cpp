// How a connection comes back to its endpoint after an exchange, rests, and goes.

#include "base/log.h"
#include "proxy/endpoint.h"

namespace holdfast {

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
  note_served();
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

void Endpoint::suspect_idle() {
  while (UpstreamConnection* oldest = pool_.oldest_idle()) {
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
