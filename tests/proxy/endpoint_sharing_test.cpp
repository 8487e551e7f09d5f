#include "proxy/endpoint.h"
#include "proxy/fake_world.h"

namespace holdfast {
namespace {

using testing::EndsWith;
using testing::StartsWith;

// Two workers with one endpoint between them.
class ASharedEndpoint : public ProxyTest {
 protected:
  ASharedEndpoint() {
    worker_count = 2;
    upstream.pool.max_connections = 1;
    upstream.pool.max_idle = 1;
  }
  // An idle connection in a worker, backend(n) of as many as there are.
  Far& idle_connection_in(unsigned number) {
    Far& made = client(number);
    made.sends(get);
    backend(backends() - 1).sends(ok);
    static_cast<void>(made.got());
    static_cast<void>(backend(backends() - 1).got());
    return made;
  }
};

TEST_F(ASharedEndpoint, GivesAnIdleConnectionToTheWorkerThatNeedsIt) {
  upstream.pool.max_idle = 2;
  idle_connection_in(0);
  Far& far = client(1);
  far.sends(get_of("/1"));
  EXPECT_EQ(neighbours.given(), 1U);
  EXPECT_EQ(backends(), 1U);
  EXPECT_EQ(backend(0).wire.worker, 1U);
  EXPECT_THAT(backend(0).got(), StartsWith("GET /1 "));
  backend(0).sends(ok);
  EXPECT_EQ(far.got(), ok);
  EXPECT_EQ(shared().permits.taken(), 1U);
  EXPECT_FALSE(backend(0).wire.closed);
  EXPECT_EQ(retired(Retirement::moved, 0), 1U);
}

TEST_F(ASharedEndpoint, GivesABusyConnectionOnceItIsFree) {
  upstream.pool.max_idle = 2;
  Far& busy = client(0);
  busy.sends(get_of("/0"));
  Far& far = client(1);
  far.sends(get_of("/1"));
  EXPECT_EQ(waiting(), 1U);
  backend(0).sends(ok);
  EXPECT_EQ(busy.got(), ok);
  EXPECT_THAT(backend(0).got(), EndsWith("\r\n\r\n"));
  backend(0).sends(ok);
  EXPECT_EQ(far.got(), ok);
  EXPECT_EQ(backends(), 1U);
}

TEST_F(ASharedEndpoint, GivesThePermitOfAClosedConnectionToTheWorkerThatNeedsIt) {
  Far& busy = client(0);
  busy.sends(get_of("/0"));
  Far& far = client(1);
  far.sends(get_of("/1"));
  busy.resets();
  ASSERT_EQ(backends(), 2U);
  EXPECT_EQ(backend(1).wire.worker, 1U);
  backend(1).sends(ok);
  EXPECT_EQ(far.got(), ok);
}

TEST_F(ASharedEndpoint, TakesTurnsWhenBothWorkersAreShort) {
  upstream.pool.max_idle = 2;
  upstream.queue.timeout = 0s;
  std::vector<Far*> far;
  for (unsigned i = 0; i < 6; ++i) {
    far.push_back(&client(i % 2));
    far.back()->sends(get);
  }
  for (int i = 0; i < 6; ++i) {
    backend(0).sends(ok);
  }
  for (Far* one : far) {
    EXPECT_EQ(one->got(), ok);
  }
  EXPECT_EQ(backends(), 1U);
}

TEST_F(ASharedEndpoint, ServesClientsAlikeHoweverManyAWorkerHas) {
  upstream.pool.max_idle = 2;
  std::vector<Far*> far;
  for (const unsigned number : {0U, 1U, 1U, 1U, 1U}) {
    far.push_back(&client(number));
    far.back()->sends(get);
  }
  std::vector<int> served(far.size());
  for (int i = 0; i < 100; ++i) {
    backend(0).sends(ok);
    for (std::size_t each = 0; each < far.size(); ++each) {
      if (far[each]->got() == ok) {
        ++served[each];
        far[each]->sends(get);
      }
    }
  }
  EXPECT_EQ(backends(), 1U);
  for (const int each : served) {
    EXPECT_NEAR(each, 20, 2);
  }
}

TEST_F(ASharedEndpoint, TakesTurnsWhereConnectionsServeOnce) {
  std::vector<Far*> far;
  for (unsigned i = 0; i < 6; ++i) {
    far.push_back(&client(i % 2));
    far.back()->sends(get);
  }
  std::vector<int> served(2);
  for (std::size_t i = 0; i < 20; ++i) {
    ++served[backend(i).wire.worker];
    backend(i).sends("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok");
    backend(i).ends();
    for (Far* one : far) {
      if (!one->got().empty()) {
        one->sends(get);
      }
    }
  }
  EXPECT_NEAR(served[0], 10, 3);
  EXPECT_NEAR(served[1], 10, 3);
}

TEST_F(ASharedEndpoint, RetiresAConnectionThatSpokeOnItsWay) {
  upstream.pool.max_idle = 2;
  idle_connection_in(0);
  Far& far = client(1);
  backend(0).wire.reading = false;
  far.wire.arrived = get;
  // The stray bytes arrive while the connection is neither here nor there.
  network.on_put_aside = [&](Wire& wire) { wire.arrived = ok_of("foreign"); };
  settle();
  EXPECT_EQ(far.got().find("foreign"), std::string::npos);
}

TEST_F(ASharedEndpoint, ClosesAConnectionThatCannotBeMoved) {
  upstream.pool.max_idle = 2;
  network.detach_fails = true;
  idle_connection_in(0);
  Far& far = client(1);
  far.sends(get);
  EXPECT_TRUE(backend(0).wire.closed);
  ASSERT_EQ(backends(), 2U);
  backend(1).sends(ok);
  EXPECT_EQ(far.got(), ok);
  EXPECT_EQ(shared().permits.taken(), 1U);
}

TEST_F(ASharedEndpoint, ReturnsThePermitOfAConnectionThatWasLostOnItsWay) {
  start();
  ASSERT_TRUE(shared().permits.take());
  shared().take_port(0, clock.now());
  neighbours.give(1, shared(), {.descriptor = 999, .use = {}});
  settle();
  EXPECT_EQ(shared().permits.taken(), 0U);
}

TEST_F(ASharedEndpoint, KeepsTheHistoryOfAMovedConnection) {
  upstream.pool.max_requests = 2;
  upstream.pool.max_idle = 2;
  idle_connection_in(0);
  Far& far = client(1);
  far.sends(get);
  backend(0).sends(ok);
  EXPECT_EQ(far.got(), ok);
  EXPECT_EQ(retired(Retirement::max_requests, 1), 1U);
}

TEST_F(ASharedEndpoint, ForgetsANeedThatHasPassed) {
  upstream.pool.max_idle = 2;
  Far& busy = client(0);
  busy.sends(get);
  Far& far = client(1);
  far.sends(get);
  far.resets();
  backend(0).sends(ok);
  EXPECT_EQ(busy.got(), ok);
  busy.sends(get);
  settle();
  backend(0).sends(ok);
  EXPECT_EQ(busy.got(), ok);
  EXPECT_EQ(backends(), 1U);
}

TEST_F(ASharedEndpoint, LetsAConnectionGoThatReachesADrainingWorker) {
  upstream.pool.max_idle = 2;
  idle_connection_in(0);
  Far& far = client(1);
  far.wire.arrived = get;
  network.on_put_aside = [&](Wire&) {
    far.wire.broken = ECONNRESET;
    worker(1).drain();
  };
  settle();
  EXPECT_EQ(endpoint(0, 1).pool().size(), 0U);
  EXPECT_TRUE(backend(0).wire.closed);
}

TEST_F(ASharedEndpoint, KeepsAWokenWorkersRequestsThroughAShortageOfThisMachine) {
  Far& busy = client(0);
  busy.sends(get);
  Far& far = client(1);
  far.sends(get);
  server().refuses_now = EADDRNOTAVAIL;
  busy.resets();
  EXPECT_EQ(far.got(), "");
  server().refuses_now = 0;
  advance(120ms);
  ASSERT_EQ(backends(), 2U);
  backend(1).sends(ok);
  EXPECT_EQ(far.got(), ok);
}

TEST_F(ASharedEndpoint, PassesAPermitOnThatTheFirstOneToldNeedsNoMore) {
  worker_count = 3;
  Far& busy = client(0);
  busy.sends(get);
  Far& gone = client(1);
  gone.sends(get_of("/1"));
  Far& far = client(2);
  far.sends(get_of("/2"));
  gone.resets();
  busy.resets();
  ASSERT_EQ(backends(), 2U);
  EXPECT_EQ(backend(1).wire.worker, 2U);
  backend(1).sends(ok);
  EXPECT_EQ(far.got(), ok);
}

TEST_F(ASharedEndpoint, CountsItsQueueOverAllWorkers) {
  upstream.queue.max = 1;
  client(0).sends(get);
  client(0).sends(get);
  Far& far = client(1);
  far.sends(get);
  EXPECT_THAT(far.got(), StartsWith("HTTP/1.1 503 "));
}

}  // namespace
}  // namespace holdfast
