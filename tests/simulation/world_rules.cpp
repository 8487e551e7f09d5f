// The rules that hold after each step of a run, and those that hold when all is over.

#include <algorithm>

#include "simulation/world.h"

namespace holdfast {
namespace {

// What one client may make a worker keep, beside a body that is collected: a head, what was read
// behind it, and its copy.
constexpr std::size_t client_bytes = 4 * std::size_t{BlockPool::largest};
constexpr std::size_t connection_bytes = BlockPool::largest;
// Longer than all the deadlines that can follow each other in one exchange.
constexpr Duration longest_wait = 60s;

}  // namespace

void SimWorld::check_step() {
  check_ledgers();
  for (const auto& place : places_) {
    check_parked(*place->worker);
    if (scene_.judge.steps() % 64 == 0) {
      check_memory(*place);
    }
  }
}

// opened = connecting + active + idle + leaving + closed, and each has one permit until it is
// closed or another worker has it.
void SimWorld::check_ledgers() {
  std::uint64_t living = 0;
  std::uint64_t retired = 0;
  std::size_t open = 0;
  for (const auto& place : places_) {
    FakeWorker& worker = *place->worker;
    std::size_t pooled = 0;
    for (const auto& endpoint : worker.upstream.endpoints()) {
      const auto& pool = endpoint->pool();
      pooled += pool.size();
      living += pool.connecting() + pool.leased() + pool.pinned() + pool.idle() + pool.resting();
    }
    scene_.judge.expect(pooled == worker.connections.in_use(),
                        "the pools of a worker hold other connections than there are", pooled);
    open += pooled;
    for (const std::uint64_t count : worker.context.counters.retirements) {
      retired += count;
    }
    for (const FakeNeighbours::Letter& letter : place->letters) {
      open += letter.moved ? 1 : 0;
    }
  }
  scene_.judge.expect(attempts_ == living + retired,
                      "connections were opened that neither live nor were retired", attempts_);
  std::size_t taken = 0;
  for (const auto& shared : shared_) {
    scene_.judge.expect(shared->permits.taken() <= shared->permits.limit(),
                        "more connections than allowed", shared->permits.taken());
    taken += shared->permits.taken();
  }
  scene_.judge.expect(taken <= open, "more permits are taken than connections are there", taken);
}

// A connection that waits for its next request has answered the last one, was read to the last byte
// of it and no further, and nothing is left to be written.
void SimWorld::check_parked(FakeWorker& worker) {
  std::vector<std::size_t> held(shared_.size());
  std::size_t moved = 0;
  worker.connections.for_each([&](UpstreamConnection& connection) {
    moved += connection.moved() ? 1 : 0;
    for (std::size_t i = 0; i < shared_.size(); ++i) {
      held[i] += worker.upstream.endpoints()[i].get() == &connection.endpoint() ? 1 : 0;
    }
    if (connection.pool_state() != PoolState::idle &&
        connection.pool_state() != PoolState::resting) {
      return;
    }
    auto& stream = static_cast<SimStream&>(connection.stream());
    scene_.judge.expect(stream.pending_bytes() == 0, "a parked connection has unsent bytes");
    scene_.judge.expect(stream.reading(), "a parked connection is not watched");
    scene_.judge.expect(static_cast<SimBackend*>(stream.wire()->far)->at_rest(),
                        "a connection is parked in the middle of an exchange, or bytes were read "
                        "behind its last answer");
  });
  for (std::size_t i = 0; i < shared_.size(); ++i) {
    scene_.judge.expect(shared_[i]->held[worker.context.worker].load() == held[i],
                        "a worker holds another number of connections than it says", held[i]);
  }
}

void SimWorld::check_memory(Place& place) {
  FakeWorker& worker = *place.worker;
  const std::size_t collected = scene_.settings.upstream.limits.chunked_body + BlockPool::sizes[2];
  const std::size_t most = worker.clients.in_use() * (client_bytes + collected) +
                           worker.connections.in_use() * connection_bytes;
  scene_.judge.expect(worker.blocks.lent_bytes() <= most, "more memory is lent than is needed",
                      worker.blocks.lent_bytes());
  const std::size_t most_pending =
      (worker.clients.in_use() + worker.connections.in_use()) * 2 * Stream::max_kept_bytes;
  scene_.judge.expect(place.streams.pending_bytes() <= most_pending,
                      "more is kept for the kernel than is bounded");
  scene_.judge.expect(worker.exchanges.in_use() <= worker.clients.in_use(),
                      "more exchanges than clients");
}

void SimWorld::check_waits() {
  for (const auto& client : clients_) {
    const TimePoint since = std::max(client->waits_since(), scene_.jumped_at);
    scene_.judge.expect(
        client->waits_since() == TimePoint::max() || scene_.now() - since < longest_wait,
        "an exchange outlives its deadlines");
  }
}

// The clients are gone; only idle connections may be left.
void SimWorld::check_rest() {
  for (const auto& place : places_) {
    FakeWorker& worker = *place->worker;
    scene_.judge.expect(worker.exchanges.in_use() == 0, "an exchange is left without a client");
  }
}

// What is left of the run that should not be.
std::string_view SimWorld::leftover() {
  for (const auto& place : places_) {
    FakeWorker& worker = *place->worker;
    if (worker.clients.in_use() + worker.exchanges.in_use() != 0) {
      return "a client or an exchange is left";
    }
    if (worker.connections.in_use() + place->streams.in_use() != 0) {
      return "a connection is left";
    }
    if (worker.blocks.lent() != 0) {
      return "a block is left";
    }
    if (worker.timers.next_advance()) {
      return "a timer is left";
    }
  }
  for (const auto& shared : shared_) {
    if (shared->permits.taken() != 0 || shared->waiting.load() != 0) {
      return "a permit or a place in the queue is left";
    }
  }
  return moving() != 0 ? "a descriptor is left" : std::string_view();
}

}  // namespace holdfast
