#include "simulation/world.h"

#include <algorithm>

namespace holdfast {
namespace {

// A run that takes more steps than this for each of its exchanges goes in circles.
constexpr std::uint64_t most_steps_each = 20'000;
constexpr std::uint64_t most_steps_beyond = 1'000'000;

}  // namespace

SimWorld::SimWorld(SimRandom& choices, Tells tells)
    : SimNetwork(choices), scene_(choices, tells == Tells::yes) {
  SimSettings& settings = scene_.settings;
  short_writes = settings.short_writes;
  failed_detaches = settings.failed_detaches;
  failed_adoptions = settings.failed_adoptions;
  std::vector<SharedEndpoint*> borrowed;
  for (const std::string& server : settings.upstream.servers) {
    shared_.push_back(
        std::make_unique<SharedEndpoint>(shared_.size(), *SocketAddress::parse(server),
                                         settings.upstream.pool.max_connections, settings.workers));
    borrowed.push_back(shared_.back().get());
  }
  down_until_.resize(shared_.size());
  for (unsigned i = 0; i < settings.workers; ++i) {
    Place& place = *places_.emplace_back(std::make_unique<Place>(*this));
    place.worker = std::make_unique<FakeWorker>(
        FakeWorker::Place{place.streams, scene_.clock, neighbours_, i, settings.workers},
        settings.listener, settings.upstream, borrowed);
  }
}

Counters SimWorld::counters() const {
  Counters sum;
  for (const auto& place : places_) {
    sum.add(place->worker->context.counters);
  }
  return sum;
}

void SimWorld::run(std::uint64_t exchanges) {
  aim_ = exchanges;
  const std::uint64_t most = exchanges * most_steps_each + most_steps_beyond;
  while (!scene_.judge.anything_broken()) {
    scene_.closing_time |= scene_.exchanges >= aim_;
    if (scene_.closing_time && clients_.empty()) {
      break;
    }
    if (!step() && !move_on() && !clients_.empty()) {
      scene_.judge.broken("a client waits and no timer runs");
    }
    check_step();
    scene_.judge.expect(scene_.judge.steps() < most, "the run goes in circles");
  }
  if (!scene_.judge.anything_broken()) {
    come_to_rest();
  }
}

// The load has stopped: nothing of it may be left.
void SimWorld::come_to_rest() {
  check_rest();
  for (const auto& place : places_) {
    drain(*place);
  }
  while (!scene_.judge.anything_broken() && (step() || move_on())) {
    check_step();
  }
  if (!scene_.judge.anything_broken()) {
    scene_.judge.expect(leftover().empty(), leftover());
  }
}

int SimWorld::on_connect(SimStream& stream, const SocketAddress& to) {
  static constexpr int local[] = {EADDRNOTAVAIL, EMFILE, ENOBUFS, ENETUNREACH};
  static constexpr int refusals[] = {ECONNREFUSED, ECONNREFUSED, EHOSTUNREACH, ETIMEDOUT};
  ++attempts_;
  if (scene_.random.percent(scene_.settings.local_trouble)) {
    scene_.tally.count(SimEvent::local_trouble);
    return scene_.random.any_of(local);
  }
  SimBackend& made = *backends_.emplace_back(std::make_unique<SimBackend>(scene_));
  SimWire& wire = made.wire();
  while (!(shared_[wire.server]->address == to)) {
    ++wire.server;
  }
  const SimServer& server = scene_.settings.servers[wire.server];
  if (scene_.now() < down_until_[wire.server] || scene_.random.percent(server.refused)) {
    scene_.tally.count(SimEvent::refused_connects);
    wire.connect_plan = scene_.random.any_of(refusals);
  } else if (scene_.random.percent(server.unanswered)) {
    scene_.tally.count(SimEvent::unanswered_connects);
    wire.connect_plan.reset();
  }
  stream.join(wire);
  stream.expect_connected();
  return 0;
}

// Somebody who can act does, beginning anywhere. False if nobody can.
bool SimWorld::step() {
  scene_.judge.next_step();
  let_things_happen();
  const std::size_t workers = places_.size();
  const std::size_t all = workers + clients_.size() + backends_.size();
  const std::size_t first =
      scene_.random.one_in(3) ? scene_.random.below(workers) : scene_.random.below(all);
  for (std::size_t i = 0; i < all; ++i) {
    const std::size_t at = (first + i) % all;
    const bool acted = at < workers ? turn(*places_[at])
                       : at < workers + clients_.size()
                           ? clients_[at - workers]->act()
                           : backends_[at - workers - clients_.size()]->act();
    if (acted) {
      return true;
    }
  }
  return false;
}

bool SimWorld::turn(Place& place) { return place.streams.tell_next() || end_turn(place); }

// What a loop has to tell after its events, and then it polls again.
bool SimWorld::end_turn(Place& place) {
  bool any = place.streams.tell_closed();
  any |= !place.letters.empty();
  deliver(place);
  const auto due = place.worker->timers.next_advance();
  if (due && *due <= scene_.now()) {
    place.worker->timers.advance(scene_.now());
    any |= place.streams.anything_ready();
  }
  scene_.clock.next_turn();
  place.streams.poll();
  any |= place.streams.tell_next();
  if (any) {
    const std::size_t microseconds = random.one_in(40) ? random.below(5000) : random.below(100);
    scene_.clock.set(scene_.now() + std::chrono::microseconds(microseconds));
  }
  for (const FakeNeighbours::Letter& letter : neighbours_.take()) {
    places_[letter.worker]->letters.push_back(letter);
  }
  return any;
}

void SimWorld::deliver(Place& place) {
  while (!place.letters.empty()) {
    const FakeNeighbours::Letter letter = place.letters.front();
    place.letters.pop_front();
    Endpoint& endpoint = *place.worker->upstream.endpoints()[letter.endpoint];
    if (letter.moved) {
      ++attempts_;
      scene_.tally.count(SimEvent::moves);
      endpoint.adopt(*letter.moved);
    } else {
      endpoint.on_wake();
    }
  }
}

void SimWorld::let_things_happen() {
  const SimSettings& settings = scene_.settings;
  if (!scene_.closing_time && clients_.size() < settings.clients && random.one_in(8)) {
    admit_client();
  }
  if (settings.time_jumps != 0 && random.below(1'000'000) < settings.time_jumps) {
    jump();
  }
  if (settings.restarts != 0 && random.below(1'000'000) < settings.restarts) {
    restart_server();
  }
  if (settings.drains && scene_.exchanges >= aim_ / 2 && !places_[0]->draining) {
    scene_.tally.count(SimEvent::drains);
    drain(*places_[0]);
  }
  if (settings.ends_at_once && scene_.exchanges >= aim_ / 4 * 3 && !ended_) {
    end_all_at_once();
  }
  forget_gone();
}

void SimWorld::forget_gone() {
  std::erase_if(clients_, [](const auto& client) { return client->gone(); });
  std::erase_if(backends_, [](const auto& backend) { return backend->gone(); });
}

void SimWorld::admit_client() {
  std::vector<Place*> open;
  for (const auto& place : places_) {
    if (!place->draining) {
      open.push_back(place.get());
    }
  }
  if (open.empty()) {
    scene_.closing_time = true;
    return;
  }
  scene_.tally.count(SimEvent::clients);
  SimClient& client = *clients_.emplace_back(std::make_unique<SimClient>(scene_));
  // Bytes may be there before the connection is accepted.
  for (std::size_t i = random.size(20); i > 0; --i) {
    client.act();
  }
  ClientConnection& accepted = open[random.below(open.size())]->worker->accept();
  static_cast<SimStream&>(accepted.stream()).join(client.wire());
  accepted.start(*IpAddress::parse("192.0.2.7"));
}

// Nothing can happen now: time passes until something can. False if that will never be.
bool SimWorld::move_on() {
  check_waits();
  if (clients_.empty() && !scene_.closing_time) {
    admit_client();
    return true;
  }
  if (std::ranges::any_of(clients_, [](const auto& client) { return client->gone(); })) {
    return true;
  }
  TimePoint next = TimePoint::max();
  for (const auto& place : places_) {
    next = std::min(next, place->worker->timers.next_advance().value_or(TimePoint::max()));
  }
  for (const auto& client : clients_) {
    next = std::min(next, client->wakes_at());
  }
  for (const auto& backend : backends_) {
    next = std::min(next, backend->wakes_at());
  }
  if (next == TimePoint::max()) {
    return false;
  }
  // A loop may be late.
  const Duration late = random.one_in(4) ? Duration(random.below(3'000'000)) : Duration(0);
  scene_.clock.set(next + late);
  scene_.judge.note("time passes",
                    static_cast<std::uint64_t>(scene_.now().time_since_epoch() / 1ms));
  return true;
}

// The machine has slept, or the loop has hung.
void SimWorld::jump() {
  scene_.tally.count(SimEvent::time_jumps);
  scene_.judge.note("time jumps");
  scene_.clock.set(scene_.now() + random.between(1, 60'000) * 1ms);
  scene_.jumped_at = scene_.now();
  for (const auto& client : clients_) {
    client->excuse_all(Excuse::time);
  }
}

void SimWorld::restart_server() {
  const std::size_t which = random.below(shared_.size());
  SimServer& server = scene_.settings.servers[which];
  scene_.tally.count(SimEvent::restarts);
  scene_.judge.note("server restarts", which);
  down_until_[which] = scene_.now() + random.below(2000) * 1ms;
  if (scene_.settings.upstream.protocol == ProtocolChoice::automatic && random.one_in(4)) {
    server.http11 = !server.http11;
  }
  for (const auto& backend : backends_) {
    if (backend->wire().server == which && !random.one_in(5)) {
      backend->fall();
    }
  }
}

void SimWorld::drain(Place& place) {
  if (!place.draining) {
    place.draining = true;
    place.worker->drain();
  } else if (place.worker->clients.in_use() == 0) {
    place.worker->drain();  // as a worker does when its last client has left
  }
}

void SimWorld::end_all_at_once() {
  ended_ = true;
  scene_.closing_time = true;
  scene_.tally.count(SimEvent::ended_at_once);
  for (const auto& client : clients_) {
    client->excuse_all(Excuse::ended);
  }
  for (const auto& place : places_) {
    drain(*place);
    place->worker->clients.for_each([](ClientConnection& client) { client.abort(); });
    place->worker->connections.for_each([](UpstreamConnection& connection) {
      if (connection.pool_state() != PoolState::leaving) {
        connection.endpoint().retire(connection, Retirement::shutdown);
      }
    });
  }
}

}  // namespace holdfast
