// What an endpoint counts of its connections and of those who wait for one.

#include <algorithm>

#include "proxy/endpoint.h"
#include "proxy/exchange.h"

namespace holdfast {

void Endpoint::note_retired(UpstreamConnection& connection, Retirement reason) {
  context_.counters.count(reason);
  connection.note_retired(reason);
}

Duration Endpoint::oldest_wait(TimePoint now) const {
  const TimePoint first = std::min(waiters_.first_deadline(), replays_.first_deadline());
  return first == TimePoint::max() ? Duration::zero() : now - (first - options_.queue.timeout);
}

// A connection counts once it is closed, with what was held against it first.
void Endpoint::count_closed(const UpstreamConnection& connection) {
  if (!connection.was_open()) {
    ++tally_.failed_attempts;
  } else if (!connection.moved()) {
    tally_.count_closed(connection.closer(), connection.ending(), connection.retired_for());
    if (connection.port_after() == PortAfter::in_time_wait && shared_.ports.sources() != 0) {
      ++tally_.time_waits[static_cast<std::size_t>(connection.retired_for())];
    }
    tally_.requests.add(connection.use().requests);
  }
}

}  // namespace holdfast
