#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/fake_wire.h"
#include "proxy/fake_worker.h"

namespace holdfast {

// The far side of one connection, client or backend, with its verbs. Each verb lets the world go on
// until it is quiet again.
class Far {
 public:
  Far(Wire& its_wire, std::function<void()> settle) : wire(its_wire), settle_(std::move(settle)) {}

  void sends(std::string_view bytes) {
    wire.arrived += bytes;
    settle_();
  }
  void ends() {
    wire.end_arrived = true;
    settle_();
  }
  void resets(int system = ECONNRESET) {
    wire.broken = system;
    settle_();
  }
  void reads_nothing() { wire.room = 0; }
  void reads(std::size_t bytes) {
    wire.room += bytes;
    settle_();
  }
  void reads_all() {
    wire.room = Wire::endless;
    settle_();
  }
  void accepts(int system = 0) {
    wire.connect_result = system;
    settle_();
  }
  // What came since it was asked last.
  [[nodiscard]] std::string got() { return std::exchange(wire.written, {}); }
  [[nodiscard]] bool open() const { return !wire.closed && !wire.end_seen; }
  [[nodiscard]] bool cut() const { return wire.closed && wire.reset_seen; }

  Wire& wire;

 private:
  std::function<void()> settle_;
};

// The proxy between a test's clients and backends. The options are set before the first client.
// At its end every test is checked for leaks.
class ProxyTest : public testing::Test {
 protected:
  static constexpr std::string_view get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
  static constexpr std::string_view ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
  static constexpr std::string_view ok10 =
      "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok";

  static std::string get_of(std::string_view target) {
    return "GET " + std::string(target) + " HTTP/1.1\r\nHost: a\r\n\r\n";
  }
  static std::string post_of(std::string_view body) {
    return "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: " + std::to_string(body.size()) +
           "\r\n\r\n" + std::string(body);
  }
  static std::string ok_of(std::string_view body) {
    return "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
           std::string(body);
  }

  ProxyTest() { upstream.servers = {"10.0.0.1:80"}; }

  void start() {
    std::vector<SocketAddress> sources;
    for (const IpAddress& address : upstream.source_addresses) {
      sources.push_back(address.with_port(0));
    }
    for (const std::string& server : upstream.servers) {
      shared_.push_back(
          std::make_unique<SharedEndpoint>(shared_.size(), *SocketAddress::parse(server),
                                           upstream.pool.max_connections, worker_count, sources));
    }
    std::vector<SharedEndpoint*> borrowed;
    for (const auto& one : shared_) {
      borrowed.push_back(one.get());
    }
    for (unsigned i = 0; i < worker_count; ++i) {
      streams_.push_back(std::make_unique<FakeStreams>(network, i));
      workers_.push_back(std::make_unique<FakeWorker>(
          FakeWorker::Place{*streams_.back(), clock, neighbours, i, worker_count}, listener,
          upstream, borrowed));
    }
  }

  // --- Verbs ---

  Far& client(unsigned number = 0) {
    FakeWorker& served_by = worker(number);
    Wire& wire = network.new_client();
    serve(served_by, wire);
    settle();
    return far(wire);
  }
  // A client whose first bytes have arrived before it is accepted.
  Far& client_with(std::string_view bytes, unsigned number = 0) {
    FakeWorker& served_by = worker(number);
    Wire& wire = network.new_client();
    wire.arrived = bytes;
    serve(served_by, wire);
    settle();
    return far(wire);
  }
  // The backend's side of a connection, in the order of the attempts.
  Far& backend(std::size_t number) { return far(network.backends().at(number)); }
  [[nodiscard]] std::size_t backends() { return network.backends().size(); }
  FakeNetwork::Policy& server(std::string_view address = "10.0.0.1:80") {
    return network.policy(std::string(address));
  }

  // A client that has been served once over backend(0), which is idle now.
  Far& served_client() {
    Far& made = client();
    made.sends(get);
    backend(backends() - 1).sends(ok);
    EXPECT_EQ(made.got(), ok);
    static_cast<void>(backend(backends() - 1).got());
    return made;
  }

  // The loop turns until nothing is left to tell.
  void settle() {
    std::size_t turns = 0;
    while (turn()) {
      check(++turns < 1'000'000, "the world does not come to rest");
    }
    verify_ledger();
  }
  // Long enough for an idle connection to be looked at again before it is leased.
  void let_turns_pass() {
    clock.set(clock.now() + 2ms);
    for (int i = 0; i < 4; ++i) {
      clock.next_turn();
    }
  }

  void advance(Duration by) {
    const TimePoint until = clock.now() + by;
    while (true) {
      TimePoint next = TimePoint::max();
      for (const auto& one : workers_) {
        next = std::min(next, one->timers.next_advance().value_or(TimePoint::max()));
      }
      if (next > until) {
        break;
      }
      pass_to(next);
    }
    pass_to(until);
  }

  // --- Facts ---

  FakeWorker& worker(unsigned number = 0) {
    if (workers_.empty()) {
      start();
    }
    return *workers_.at(number);
  }
  Endpoint& endpoint(std::size_t number = 0, unsigned of_worker = 0) {
    return *worker(of_worker).upstream.endpoints().at(number);
  }
  SharedEndpoint& shared(std::size_t number = 0) { return *shared_.at(number); }
  Counters& counters(unsigned number = 0) { return worker(number).context.counters; }
  std::uint64_t retired(Retirement why, unsigned number = 0) {
    return counters(number).retirements[static_cast<std::size_t>(why)];
  }
  std::uint64_t errors(ErrorCode code) { return counters().errors[static_cast<std::size_t>(code)]; }
  std::uint32_t waiting() { return shared().waiting.load(); }

  void TearDown() override {
    for (const auto& one : workers_) {
      one->context.draining = true;
      one->clients.for_each([](ClientConnection& left) { left.abort(); });
    }
    network_is_calm_again();
    for (const auto& one : workers_) {
      one->connections.for_each(
          [](UpstreamConnection& left) { left.endpoint().retire(left, Retirement::shutdown); });
    }
    settle();
    for (const auto& one : workers_) {
      EXPECT_EQ(one->clients.in_use(), 0U);
      EXPECT_EQ(one->exchanges.in_use(), 0U);
      EXPECT_EQ(one->connections.in_use(), 0U);
      EXPECT_EQ(one->blocks.lent(), 0U);
    }
    for (const auto& one : streams_) {
      EXPECT_EQ(one->in_use(), 0U);
    }
    for (const auto& one : shared_) {
      EXPECT_EQ(one->permits.taken(), 0U);
      EXPECT_EQ(one->waiting.load(), 0U);
    }
    EXPECT_EQ(network.moving(), 0U);
  }

  ListenerOptions listener;
  UpstreamOptions upstream;
  unsigned worker_count = 1;
  FakeClock clock;
  FakeNetwork network;
  FakeNeighbours neighbours;
  // For those whose servers change; see upstream_test.
  std::size_t next_number = 0;
  std::unique_ptr<SharedUpstream> roster;

 private:
  bool turn() {
    clock.next_turn();
    bool told = false;
    for (const auto& letter : neighbours.take()) {
      Endpoint* to = worker(letter.worker).upstream.find(letter.endpoint);
      check(to != nullptr, "a letter finds its endpoint");
      letter.moved ? to->adopt(*letter.moved) : to->on_wake();
      told = true;
    }
    for (const auto& one : streams_) {
      told |= one->turn();
    }
    return told;
  }

  void pass_to(TimePoint now) {
    clock.set(now);
    for (const auto& one : workers_) {
      one->timers.advance(clock.now());
    }
    settle();
  }

  void network_is_calm_again() {
    for (Wire& wire : network.backends()) {
      wire.room = Wire::endless;
    }
    settle();
  }

  // Once the world is at rest no letter is on its way, so a permit is taken for each connection.
  void verify_ledger() {
    for (const auto& one : shared_) {
      std::size_t open = 0;
      for (const auto& each : workers_) {
        std::size_t held = 0;
        each->connections.for_each([&](UpstreamConnection& connection) {
          held += connection.endpoint().authority() == one->address.text() ? 1 : 0;
        });
        EXPECT_EQ(one->held[each->context.worker].load(), held);
        open += held;
      }
      EXPECT_EQ(one->permits.taken(), open);
      EXPECT_LE(one->permits.taken(), one->permits.limit());
    }
  }

  static void serve(FakeWorker& worker, Wire& wire) {
    ClientConnection& client = worker.accept();
    static_cast<FakeStream&>(client.stream()).join(wire);
    client.start(*IpAddress::parse("192.0.2.7"));
  }

  Far& far(Wire& wire) {
    for (Far& known : far_sides_) {
      if (&known.wire == &wire) {
        return known;
      }
    }
    return far_sides_.emplace_back(wire, [this] { settle(); });
  }

  std::vector<std::unique_ptr<SharedEndpoint>> shared_;
  std::vector<std::unique_ptr<FakeStreams>> streams_;
  std::vector<std::unique_ptr<FakeWorker>> workers_;
  std::deque<Far> far_sides_;
};

}  // namespace holdfast
