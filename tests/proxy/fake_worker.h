#pragma once

#include <algorithm>
#include <deque>
#include <optional>
#include <utility>
#include <vector>

#include "base/block_pool.h"
#include "base/timer_wheel.h"
#include "proxy/client_connection.h"
#include "proxy/endpoint.h"
#include "proxy/exchange.h"
#include "proxy/upstream.h"
#include "proxy/upstream_connection.h"

namespace holdfast {

// Time as the test sets it.
class FakeClock final : public Clock {
 public:
  [[nodiscard]] TimePoint now() const override { return now_; }
  [[nodiscard]] TimePoint fine_now() const override { return now_; }
  [[nodiscard]] std::uint64_t turn() const override { return turn_; }
  void set(TimePoint now) { now_ = std::max(now_, now); }
  void next_turn() { ++turn_; }

 private:
  TimePoint now_ = TimePoint(1h);
  std::uint64_t turn_ = 100;
};

// What is shared by the workers of a test: the limits and the letters between them.
class FakeNeighbours final : public Neighbours {
 public:
  void wake(unsigned worker, std::size_t endpoint) override {
    letters_.push_back({worker, endpoint, std::nullopt});
  }
  void give(unsigned worker, SharedEndpoint& endpoint, MovedConnection moved) override {
    letters_.push_back({worker, endpoint.number, moved});
    ++given_;
  }

  struct Letter {
    unsigned worker;
    std::size_t endpoint;
    std::optional<MovedConnection> moved;
  };
  [[nodiscard]] std::deque<Letter> take() { return std::exchange(letters_, {}); }
  [[nodiscard]] std::size_t given() const { return given_; }

 private:
  std::deque<Letter> letters_;
  std::size_t given_ = 0;
};

// One worker without its thread, loop and sockets: all that is real in it, over streams that its
// test makes.
class FakeWorker final : public ClientOwner {
 public:
  struct Place {
    StreamFactory& streams;
    const FakeClock& clock;
    Neighbours& neighbours;
    unsigned number;
    unsigned workers;
  };
  FakeWorker(const Place& place, const ListenerOptions& listener, const UpstreamOptions& options,
             const std::vector<SharedEndpoint*>& shared)
      : streams(place.streams),
        timers(place.clock.now()),
        context{.clock = place.clock,
                .timers = timers,
                .blocks = blocks,
                .streams = streams,
                .neighbours = place.neighbours,
                .clients = clients,
                .exchanges = exchanges,
                .upstream_connections = connections,
                .worker = place.number,
                .workers = place.workers},
        upstream(context, options, shared),
        service(listener, upstreams) {}

  void on_client_closed(ClientConnection& client, Stream& stream) override {
    clients.release(client);
    streams.release(stream);
  }

  // A client whose stream is still to be connected and started.
  ClientConnection& accept() { return clients.make(context, *this, service); }

  // As a worker drains.
  void drain() {
    context.draining = true;
    clients.for_each([](ClientConnection& client) { client.drain(); });
    for (const auto& endpoint : upstream.endpoints()) {
      endpoint->drain();
    }
  }

  StreamFactory& streams;
  TimerWheel timers;
  BlockPool blocks;
  ClientConnections clients;
  Exchanges exchanges;
  UpstreamConnections connections;
  Context context;
  Upstream upstream;
  std::array<Upstream*, 1> upstreams{&upstream};
  Service service;
};

}  // namespace holdfast
