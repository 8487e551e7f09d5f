// How workers share the permits of one endpoint: a worker that is short of one asks, and whoever
// can spare a connection gives it away.

#include <unistd.h>

#include <bit>

#include "proxy/endpoint.h"

namespace holdfast {
namespace {

std::uint64_t bit_of(unsigned worker) { return std::uint64_t{1} << worker; }

}  // namespace

void Endpoint::add_held(int change) const {
  shared_.held[context_.worker].fetch_add(static_cast<std::uint32_t>(change),
                                          std::memory_order_relaxed);
}

// This worker's requests wait and there is no permit left: the others may have connections to
// spare.
void Endpoint::call_for_help() {
  if (context_.workers == 1) {
    return;
  }
  const std::uint64_t mine = bit_of(context_.worker);
  if ((shared_.in_need.fetch_or(mine) & mine) != 0) {
    return;
  }
  for (unsigned worker = 0; worker < context_.workers; ++worker) {
    if (worker != context_.worker) {
      context_.neighbours.wake(worker, shared_.number);
    }
  }
}

// The first of some workers behind this one, so that all get their turn.
unsigned Endpoint::next_of(std::uint64_t workers) const {
  const std::uint64_t later = workers & ~(bit_of(context_.worker) - 1);
  return static_cast<unsigned>(std::countr_zero(later != 0 ? later : workers));
}

// A worker that is to get what this one has: one in need, if this one can spare it, has more than
// its fair share, or the other has nothing at all and this one has had its turn.
std::optional<unsigned> Endpoint::neighbour_in_need() const {
  const std::uint64_t others =
      shared_.in_need.load(std::memory_order_relaxed) & ~bit_of(context_.worker);
  if (others == 0) {
    return std::nullopt;
  }
  const unsigned worker = next_of(others);
  const bool spare = waiting() == 0;
  const bool rich =
      shared_.held[context_.worker].load(std::memory_order_relaxed) > shared_.fair_share;
  const bool destitute = turn_ == 0 && shared_.held[worker].load(std::memory_order_relaxed) == 0;
  return spare || rich || destitute ? std::optional(worker) : std::nullopt;
}

void Endpoint::help_neighbours() {
  while (UpstreamConnection* idle = pool_.newest_idle()) {
    const auto worker = neighbour_in_need();
    if (!worker) {
      return;
    }
    donate(*idle, *worker);
  }
}

void Endpoint::donate(UpstreamConnection& connection, unsigned worker) {
  const MovedConnection moved{connection.detach(), connection.use(), connection.number(),
                              connection.source()};
  pool_.retire(connection);
  note_retired(connection, Retirement::moved);
  if (moved.descriptor < 0) {
    return;  // closed like any other; its permit comes back with on_closed
  }
  shared_.in_need.fetch_and(~bit_of(worker));
  // The permit goes with it: see on_closed.
  context_.neighbours.give(worker, shared_, moved);
}

// A permit that is free after this worker has taken what it needs is another's. Who is told of it
// may need it no more, or be in a pause after failures, and nobody else would tell the next one: so
// each that is told goes on telling. The bit of each of them goes, so they do not tell each other
// for ever.
void Endpoint::pass_on_permit() {
  if (shared_.in_need.load(std::memory_order_relaxed) == 0 ||
      shared_.permits.taken() >= shared_.permits.limit()) {
    return;
  }
  const std::uint64_t mine = bit_of(context_.worker);
  const std::uint64_t others = shared_.in_need.fetch_and(~mine) & ~mine;
  if (others != 0) {
    context_.neighbours.wake(next_of(others), shared_.number);
  }
}

// A connection has closed that cannot be used again. If this worker has had its turn and another
// one has nothing, the permit is that one's; this one is next again when the others have had
// theirs.
bool Endpoint::yield_permit() {
  const auto worker =
      context_.workers > 1 && pool_.size() == 0 ? neighbour_in_need() : std::nullopt;
  if (!worker || turn_ != 0) {
    return false;
  }
  if (waiting() != 0) {
    shared_.in_need.fetch_or(bit_of(context_.worker));
  }
  shared_.in_need.fetch_and(~bit_of(*worker));
  context_.neighbours.wake(*worker, shared_.number);
  return true;
}

void Endpoint::on_wake() {
  if (pool_.size() == 0) {
    turn_ = std::max(turn_, waiting());  // its turn comes if there is a permit
  }
  if (waiting() == 0) {
    shared_.in_need.fetch_and(~bit_of(context_.worker));
  }
  help_neighbours();
  make_way();
  serve_waiters();
  keep_connecting();
}

void Endpoint::adopt(MovedConnection moved) {
  if (!has_memory()) {
    ::close(moved.descriptor);
    shared_.forfeit(moved.source, context_.now());
    keep_connecting();
    return;
  }
  UpstreamConnection& connection = open();
  connection.set_source(moved.source);
  if (connection.adopt(moved) != 0) {
    retire(connection, Retirement::broken);
    return;
  }
  // Nobody listened while it was on its way.
  if (!connection.stream().quiet()) {
    retire(connection, Retirement::stale);
    return;
  }
  pool_.adopt(connection, moved.use);
  turn_ = waiting();
  connection.rest(pool_.idle_deadline(connection));
  serve_waiters();
  help_neighbours();
  keep_connecting();
  if (letting_go()) {
    drain();
  }
}

}  // namespace holdfast
