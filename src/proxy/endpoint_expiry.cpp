// How a connection that nobody needs comes to its end: it rests, so that the backend closes first,
// and what is seen of the backend's closing is learned.

#include <algorithm>

#include "proxy/endpoint.h"
#include "proxy/exchange.h"

namespace holdfast {

// Whoever learns has to see when the backend closes; else it is `retire` that says who is to.
bool Endpoint::waits_for_backend() const {
  return !letting_go() && (learns_idle() || asks_to_close());
}

// Until when the backend may close it. Then we have to, for a connection that neither serves nor
// ends still takes a permit.
TimePoint Endpoint::rests_until(const UpstreamConnection& connection) const {
  const Duration given = options_.pool.idle_timeout;
  Duration patience =
      learns_idle() ? learned_.patience() : given + std::clamp(given, shortest_rest, longest_rest);
  if (connection.use().requests == 0) {
    patience = std::max(patience, longest_rest);  // servers have other limits for those
  }
  return connection.use().idle_since +
         (options_.retire == Retire::peer_first ? std::max(patience, patient_rest) : patience);
}

// An idle connection is not to be leased any more.
void Endpoint::expire(UpstreamConnection& connection, Retirement reason) {
  const TimePoint until = rests_until(connection);
  if (!waits_for_backend() || starved() || until <= context_.now()) {
    retire(connection, reason);
    return;
  }
  pool_.rest(connection);
  connection.rest(until);
}

void Endpoint::on_idle_deadline(UpstreamConnection& connection, TimePoint now) {
  const Retirement verdict = pool_.judge_idle(connection, now);
  if (verdict == Retirement::none) {
    connection.rest(pool_.idle_deadline(connection));
    return;
  }
  // A deadline that was set by other limits says nothing about the loop.
  if (connection.use().idle_since >= limits_changed_at_) {
    learned_.note_lag(now - pool_.idle_deadline(connection));
    follow_learned();
  }
  expire(connection, verdict);
}

// The backend has not closed it. Now that this is known, there may be more time.
void Endpoint::on_resting_deadline(UpstreamConnection& connection, TimePoint now) {
  if (tries_beyond_cap(connection)) {
    learned_.note_cap_survived();
  } else if (connection.use().requests != 0) {
    learned_.note_idle_survived(now - connection.use().idle_since);
  }
  follow_learned();
  const Retirement verdict = pool_.judge_idle(connection, now);
  if (verdict == Retirement::none && !letting_go()) {
    pool_.wake(connection);
    connection.rest(pool_.idle_deadline(connection));
    serve_waiters();
  } else if (const TimePoint until = rests_until(connection); until > now && waits_for_backend()) {
    connection.rest(until);
  } else {
    retire(connection, verdict == Retirement::none ? Retirement::idle_timeout : verdict);
  }
}

// Requests wait, and connections that only rest have the permits.
void Endpoint::make_way() {
  while (UpstreamConnection* oldest = starved() ? pool_.oldest_resting() : nullptr) {
    const Exchange* first = replays_.empty() ? waiters_.first() : nullptr;
    if (Lease lease = first != nullptr && first->may_meet_stale() ? lease_resting() : Lease()) {
      take_out(waiters_.next())->on_lease(std::move(lease));
    } else if (pool_.oldest_resting() == oldest) {
      retire(*oldest, Retirement::idle_timeout);
    }
  }
}

// Before anything is known of a limit of the backend's a connection rests for a guess. A request
// that may be sent once more can try it: to close it would cost a connection, and a port for a
// minute.
Lease Endpoint::lease_resting() {
  const TimePoint now = context_.now();
  UpstreamConnection* newest = pool_.newest_resting();
  if (newest == nullptr || pool_.idle() != 0 || !learns_idle() || learned_.idle_limit() ||
      tries_beyond_cap(*newest) || pool_.judge_idle(*newest, now) != Retirement::idle_timeout) {
    return {};
  }
  if (!newest->stream().quiet()) {
    learn_end(*newest);
    retire(*newest, Retirement::stale);
    return {};
  }
  pool_.wake(*newest);
  ++context_.counters.upstream_leases;
  return Lease(*pool_.lease(now));
}

// The backend has ended a connection at rest, idle for so long, that has had so many answers. What
// it does to one that it has never been asked anything over is no rule for the others.
void Endpoint::learn_end(Duration idle, std::uint64_t answers) {
  if (answers == 0) {
    return;
  }
  if (idle < LearnedLimits::quick) {
    learned_.note_request_end(answers, idle, context_.now());
  } else {
    learned_.note_idle_end(idle, context_.now());
  }
  follow_learned();
}

void Endpoint::learn_end(const UpstreamConnection& connection) {
  learn_end(context_.now() - connection.use().idle_since, connection.use().requests);
}

void Endpoint::learn_stale_end(const UpstreamConnection& connection, TimePoint leased) {
  learn_end(leased - connection.use().idle_since, connection.use().requests - 1);
}

void Endpoint::learn(const UpstreamConnection& connection, const AnnouncedLimits& announced) {
  learned_.note_announced(announced, connection.use().requests);
  follow_learned();
}

void Endpoint::follow_learned() {
  const std::uint64_t cap = learned_.request_cap();
  learned_cap_ = cap == 0 ? no_cap : cap;
  pool_.limit_requests(cap);
  if (learns_idle() && learned_.safe_idle() != safe_idle_) {
    safe_idle_ = learned_.safe_idle();
    pool_.limit_idle(safe_idle_);
    limits_changed_at_ = context_.now();
  }
}

}  // namespace holdfast
