// What connections cost in ports, and whether one is opened.

#include <vector>

#include "proxy/fake_world.h"

namespace holdfast {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

class AnEndpointsPorts : public ProxyTest {
 protected:
  // So many ports there are, and so many others have.
  void ports(std::uint32_t limit, std::uint32_t others, std::size_t source = 0) {
    worker();
    PortLedger& ledger = shared().ports;
    const PortUse use = ledger.use(source, clock.now());
    const std::uint32_t ours = use.live + use.time_wait;
    ledger.set_limit(limit);
    ledger.set_seen(source, ours + others, clock.now());
    static_cast<void>(shared().judge_ports(clock.now()));
  }
  Far& asks(std::string_view target) {
    Far& made = client();
    made.sends(get_of(target));
    return made;
  }
  // A client whose request is being served; its connection is the newest.
  Far& busy_client() { return asks("/busy"); }
  // One request that takes so long, over the first connection.
  void serve_one(Duration service) {
    asks("/warm");
    advance(service);
    backend(backends() - 1).sends(ok);
  }
};

TEST_F(AnEndpointsPorts, AreCountedFromTheAttemptToTheClose) {
  network.policy("10.0.0.1:80").connects = FakeNetwork::Connects::when_told;
  asks("/");
  EXPECT_EQ(shared().ports.use(clock.now()).live, 1U);
  backend(0).accepts();
  backend(0).sends(ok);
  endpoint().retire(*endpoint().pool().newest_idle(), Retirement::max_age);
  settle();
  EXPECT_EQ(shared().ports.use(clock.now()).live, 0U);
  EXPECT_EQ(endpoint().tally().time_waits[static_cast<std::size_t>(Retirement::max_age)],
            shared().ports.use(clock.now()).time_wait);
}

TEST_F(AnEndpointsPorts, AreFreeAtOnceWhereTheBackendClosesFirst) {
  asks("/");
  backend(0).sends(ok);
  backend(0).ends();
  EXPECT_EQ(endpoint().pool().size(), 0U);
  EXPECT_EQ(shared().ports.use(clock.now()).used(), 0U);
}

TEST_F(AnEndpointsPorts, AreNotKeptByAnAttemptThatFails) {
  network.policy("10.0.0.1:80").refuses_later = ECONNREFUSED;
  EXPECT_THAT(asks("/").got(), StartsWith("HTTP/1.1 503 "));
  EXPECT_EQ(shared().ports.use(clock.now()).used(), 0U);
}

TEST_F(AnEndpointsPorts, AreScarceAboveHalf) {
  ports(100, 50);
  EXPECT_FALSE(shared().ports_scarce);
  busy_client();
  EXPECT_TRUE(shared().ports_scarce);
}

TEST_F(AnEndpointsPorts, AreLeftToWhoHasNoConnectionWhenFewRemain) {
  ports(100, 95);
  Far& first = busy_client();
  EXPECT_EQ(backends(), 1U);  // who has none gets one
  Far& second = asks("/second");
  EXPECT_EQ(backends(), 1U);
  EXPECT_TRUE(shared().ports_doubted);
  backend(0).sends(ok);
  EXPECT_THAT(first.got(), StartsWith("HTTP/1.1 200 "));
  EXPECT_THAT(backend(0).got(), HasSubstr("GET /second "));
  backend(0).sends(ok);
  EXPECT_THAT(second.got(), StartsWith("HTTP/1.1 200 "));
}

TEST_F(AnEndpointsPorts, ThatAreSpentAreTheReasonOfTheRefusal) {
  ports(100, 95);
  busy_client();
  Far& late = asks("/late");
  advance(upstream.queue.timeout + 50ms);
  const std::string refusal = late.got();
  EXPECT_THAT(refusal, StartsWith("HTTP/1.1 503 "));
  EXPECT_THAT(refusal, HasSubstr("no free local port"));
  EXPECT_EQ(errors(ErrorCode::out_of_ports), 1U);
  EXPECT_TRUE(endpoint().health().serving());
}

TEST_F(AnEndpointsPorts, AreUsedAgainWithinASecondOfComingBack) {
  ports(100, 95);
  busy_client();
  asks("/late");
  advance(2s);
  EXPECT_EQ(backends(), 1U);
  ports(100, 0);
  advance(200ms);
  EXPECT_EQ(backends(), 2U);
}

TEST_F(AnEndpointsPorts, ThatTheKernelRefusesAreAskedForAgainWithinASecond) {
  worker();
  network.policy("10.0.0.1:80").refuses_now = EADDRNOTAVAIL;
  Far& waits = asks("/");
  advance(4s);
  EXPECT_EQ(waits.got(), "");
  EXPECT_TRUE(endpoint().health().serving());
  EXPECT_LT(endpoint().tally().failed_attempts, 16U);
  network.policy("10.0.0.1:80").refuses_now = 0;
  advance(900ms);
  EXPECT_THAT(backend(0).got(), StartsWith("GET / "));
}

class TwoSources : public AnEndpointsPorts {
 protected:
  TwoSources() {
    upstream.source_addresses = {*IpAddress::parse("192.0.2.1"), *IpAddress::parse("192.0.2.2")};
  }
};

TEST_F(TwoSources, TakeTurns) {
  for (int i = 0; i < 4; ++i) {
    busy_client();
  }
  ASSERT_EQ(backends(), 4U);
  EXPECT_EQ(backend(0).wire.source, "192.0.2.1:0");
  EXPECT_EQ(backend(1).wire.source, "192.0.2.2:0");
  EXPECT_EQ(shared().ports.use(0, clock.now()).live, 2U);
  EXPECT_EQ(shared().ports.use(1, clock.now()).live, 2U);
}

TEST_F(TwoSources, AreUsedWhereFewerPortsAre) {
  ports(100, 10, 0);
  for (int i = 0; i < 4; ++i) {
    busy_client();
  }
  EXPECT_EQ(shared().ports.use(0, clock.now()).live, 0U);
  EXPECT_EQ(shared().ports.use(1, clock.now()).live, 4U);
}

TEST_F(TwoSources, StandInForEachOther) {
  network.policy("192.0.2.1:0").refuses_now = EADDRNOTAVAIL;
  busy_client();
  ASSERT_EQ(backends(), 1U);
  EXPECT_EQ(backend(0).wire.source, "192.0.2.2:0");
  EXPECT_EQ(shared().ports.use(0, clock.now()).used(), 0U);
}

TEST_F(TwoSources, MayBothBeOutOfPorts) {
  network.policy("192.0.2.1:0").refuses_now = EADDRNOTAVAIL;
  network.policy("192.0.2.2:0").refuses_now = EADDRNOTAVAIL;
  Far& waits = asks("/");
  advance(upstream.queue.timeout + 50ms);
  EXPECT_THAT(waits.got(), HasSubstr("no free local port"));
  EXPECT_TRUE(endpoint().health().serving());
}

// Wait, or connect.
class AHoldOff : public AnEndpointsPorts {};

TEST_F(AHoldOff, LetsTheNextOneWaitForAConnectionThatIsExpectedBack) {
  serve_one(8ms);
  busy_client();
  asks("/next");
  EXPECT_EQ(backends(), 1U);
  advance(4ms);
  backend(0).sends(ok);
  EXPECT_THAT(backend(0).got(), HasSubstr("GET /next "));
  EXPECT_EQ(backends(), 1U);
}

TEST_F(AHoldOff, LastsAboutOneServiceTime) {
  serve_one(8ms);
  busy_client();
  asks("/next");
  advance(8ms + TimerWheel::tick);
  EXPECT_EQ(backends(), 2U);
  EXPECT_THAT(backend(1).got(), StartsWith("GET /next "));
}

TEST_F(AHoldOff, IsNotMadeBehindAConnectionThatIsLateAlready) {
  serve_one(8ms);
  busy_client();
  advance(50ms);
  asks("/next");
  EXPECT_EQ(backends(), 2U);
}

TEST_F(AHoldOff, IsNotMadeWhereNobodyIsServed) {
  serve_one(8ms);
  backend(0).ends();
  asks("/next");
  EXPECT_EQ(backends(), 2U);
}

TEST_F(AHoldOff, IsNotMadeForMoreThanThereAreConnections) {
  serve_one(8ms);
  busy_client();
  asks("/second");
  asks("/third");
  EXPECT_EQ(backends(), 2U);
}

TEST_F(AHoldOff, IsLongerWhilePortsAreScarce) {
  ports(100, 60);
  serve_one(100ms);
  busy_client();
  asks("/next");
  advance(60ms);
  EXPECT_EQ(backends(), 1U);
  advance(60ms);
  EXPECT_EQ(backends(), 2U);
}

TEST_F(AHoldOff, DoesNotCountAgainstTheOrder) {
  serve_one(8ms);
  busy_client();
  asks("/second");
  asks("/third");
  backend(0).sends(ok);
  EXPECT_THAT(backend(1).got(), StartsWith("GET /second "));
  EXPECT_THAT(backend(0).got(), HasSubstr("GET /third "));
}

// How many attempts there are at a time.
class ARush : public AnEndpointsPorts {
 protected:
  void rush(int clients) {
    for (; clients > 0; --clients) {
      asks("/");
    }
  }
  ARush() { network.policy("10.0.0.1:80").connects = FakeNetwork::Connects::when_told; }
};

TEST_F(ARush, OpensSoManyConnectionsAtATime) {
  rush(40);
  EXPECT_EQ(endpoint().pool().connecting(), 16U);
  backend(0).accepts();
  EXPECT_EQ(endpoint().pool().connecting(), 16U);
  EXPECT_EQ(backends(), 17U);
  EXPECT_EQ(waiting(), 39U);
}

TEST_F(ARush, AfterARestartBeginsWithOneAndDoubles) {
  network.policy("10.0.0.1:80").refuses_now = ECONNREFUSED;
  for (int i = 0; i < 3; ++i) {
    rush(1);
    advance(2s);
  }
  network.policy("10.0.0.1:80").refuses_now = 0;
  advance(2s);
  rush(40);
  EXPECT_EQ(endpoint().pool().connecting(), 1U);
  backend(0).accepts();
  EXPECT_EQ(endpoint().pool().connecting(), 2U);
  backend(1).accepts();
  EXPECT_EQ(endpoint().pool().connecting(), 4U);
}

// Connections that are kept ready.
class AWarmPool : public AnEndpointsPorts {
 protected:
  AWarmPool() { upstream.pool.min_idle = 3; }
};

TEST_F(AWarmPool, IsThereBeforeAnybodyAsks) {
  worker();
  advance(20ms);
  EXPECT_EQ(endpoint().pool().idle(), 3U);
}

TEST_F(AWarmPool, ReplacesThoseInUse) {
  worker();
  advance(20ms);
  busy_client();
  advance(200ms);
  EXPECT_EQ(endpoint().pool().idle(), 3U);
  EXPECT_EQ(endpoint().pool().leased(), 1U);
}

TEST_F(AWarmPool, KeepsItsLimit) {
  upstream.pool.max_connections = 2;
  worker();
  advance(1s);
  EXPECT_EQ(endpoint().pool().idle(), 2U);
}

TEST_F(AWarmPool, IsThereAgainAfterARestart) {
  worker();
  advance(20ms);
  network.policy("10.0.0.1:80").refuses_now = ECONNREFUSED;
  for (std::size_t i = 0; i < 3; ++i) {
    backend(i).ends();
  }
  advance(10s);
  EXPECT_EQ(endpoint().pool().idle(), 0U);
  EXPECT_LT(endpoint().tally().failed_attempts, 20U);
  network.policy("10.0.0.1:80").refuses_now = 0;
  advance(2s);
  EXPECT_EQ(endpoint().pool().idle(), 3U);
}

TEST_F(AWarmPool, IsSharedOutAmongTheWorkers) {
  worker_count = 2;
  worker();
  advance(1s);
  EXPECT_EQ(endpoint(0, 0).pool().idle() + endpoint(0, 1).pool().idle(), 3U);
}

TEST_F(AWarmPool, CostsNoScarcePort) {
  ports(100, 60);
  advance(1s);
  EXPECT_EQ(endpoint().pool().idle(), 0U);
}

}  // namespace
}  // namespace holdfast
