#include "server/server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <future>
#include <memory>
#include <thread>
#include <vector>

#include "base/time.h"
#include "net/gate.h"
#include "server/plain_socket.h"

namespace holdfast {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::StartsWith;

// A whole server on loopback before a backend that the test plays itself.
class AServer : public testing::Test {
 protected:
  static constexpr std::string_view get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
  static constexpr std::string_view ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

  AServer() {
    config.status.address.reset();
    ListenerOptions& listener = config.listeners.emplace_back();
    listener.name = "web";
    listener.address = *SocketAddress::parse("127.0.0.1:0");
    listener.upstream = "backend";
    UpstreamOptions& upstream = config.upstreams.emplace_back();
    upstream.name = "backend";
    upstream.servers = {gate.address().text()};
  }

  [[nodiscard]] Result<void> start() {
    server = std::make_unique<Server>(config);
    return server->start(first_worker, [this] { ended_.set_value(); });
  }
  void must_start() { ASSERT_TRUE(start()); }

  [[nodiscard]] PlainSocket client() const { return PlainSocket::to(server->listening_address(0)); }
  [[nodiscard]] PlainSocket backend() const { return PlainSocket(gate.accept()); }
  [[nodiscard]] bool ends_soon() {
    return ended_.get_future().wait_for(std::chrono::seconds(20)) == std::future_status::ready;
  }

  Gate gate;
  Config config;
  FirstWorker first_worker = FirstWorker::own_thread;

 private:
  std::promise<void> ended_;  // the server's threads use it to the end

 protected:
  std::unique_ptr<Server> server;
};

TEST_F(AServer, ServesAClient) {
  must_start();
  const PlainSocket far = client();
  far.send(get);
  const PlainSocket at = backend();
  EXPECT_THAT(at.receive_until("\r\n\r\n"), StartsWith("GET / HTTP/1.1\r\nHost: a\r\n"));
  at.send(ok);
  EXPECT_EQ(far.receive_until("ok"), ok);
}

TEST_F(AServer, ServesOnTheThreadOfItsCaller) {
  first_worker = FirstWorker::callers_thread;
  must_start();
  std::thread others([this] {
    const PlainSocket far = client();
    far.send(get);
    const PlainSocket at = backend();
    static_cast<void>(at.receive_until("\r\n\r\n"));
    at.send(ok);
    EXPECT_EQ(far.receive_until("ok"), ok);
    server->drain();
  });
  server->run_first_worker();
  others.join();
  EXPECT_TRUE(ends_soon());
}

TEST_F(AServer, SaysOnWhichPortItListens) {
  must_start();
  EXPECT_NE(server->listening_address(0).port(), 0);
}

TEST_F(AServer, NeverStartedEndsQuietly) { const Server never(config); }

TEST_F(AServer, DoesNotStartOnAnAddressInUse) {
  config.listeners[0].address = gate.address();
  const auto started = start();
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error().system, EADDRINUSE);
}

TEST_F(AServer, OfSeveralWorkersDoesNotStartOnAnAddressInUseEither) {
  config.workers = 2;
  config.listeners[0].address = gate.address();
  const auto started = start();
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error().system, EADDRINUSE);
}

TEST_F(AServer, DoesNotStartOnThePortOfAnother) {
  config.workers = 2;
  must_start();
  Config same = config;
  same.listeners[0].address = server->listening_address(0);
  Server second(same);
  const auto started = second.start();
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error().system, EADDRINUSE);
}

TEST_F(AServer, DoesNotStartWithAServerThatIsNoAddress) {
  config.upstreams[0].servers = {"not an address"};
  EXPECT_FALSE(start());
}

// One connection is allowed and one is accepted, so it has moved from worker to worker.
TEST_F(AServer, SharesItsConnectionsAmongItsWorkers) {
  config.workers = 2;
  config.upstreams[0].pool.max_connections = 1;
  must_start();
  std::vector<PlainSocket> clients;
  clients.push_back(client());
  clients[0].send(get);
  const PlainSocket at = backend();
  for (int i = 0; i < 16; ++i) {
    if (i > 0) {
      clients.push_back(client());
      clients.back().send(get);
    }
    ASSERT_THAT(at.receive_until("\r\n\r\n"), StartsWith("GET / "));
    at.send(ok);
    ASSERT_EQ(clients.back().receive_until("ok"), ok);
  }
}

TEST_F(AServer, ThatDrainsLetsIdleClientsGoAndEnds) {
  must_start();
  {
    const PlainSocket far = client();
    far.send(get);
    const PlainSocket at = backend();
    static_cast<void>(at.receive_until("\r\n\r\n"));
    at.send(ok);
    EXPECT_EQ(far.receive_until("ok"), ok);
    server->drain();
    EXPECT_TRUE(far.ended());
    EXPECT_TRUE(at.ended());
  }
  EXPECT_TRUE(ends_soon());
}

TEST_F(AServer, ThatDrainsFinishesWhatIsUnderWay) {
  must_start();
  const SocketAddress address = server->listening_address(0);
  {
    const PlainSocket idle = client();
    idle.send(get);
    const PlainSocket at = backend();
    static_cast<void>(at.receive_until("\r\n\r\n"));
    at.send(ok);
    EXPECT_EQ(idle.receive_until("ok"), ok);
    const PlainSocket far = client();
    far.send(get);
    static_cast<void>(at.receive_until("\r\n\r\n"));
    server->drain();
    EXPECT_TRUE(idle.ended());  // the drain has begun
    at.send(ok);
    const std::string answer = far.receive_until("ok");
    EXPECT_THAT(answer, HasSubstr("Connection: close\r\n"));
    EXPECT_THAT(answer, EndsWith("\r\n\r\nok"));
    EXPECT_TRUE(far.ended());
  }
  EXPECT_TRUE(ends_soon());
  server->wait();
  EXPECT_EQ(PlainSocket::try_to_connect(address), ECONNREFUSED);
}

TEST_F(AServer, ThatDrainsWithNobodyThereEndsAtOnce) {
  config.workers = 2;
  must_start();
  server->drain();
  server->drain();
  EXPECT_TRUE(ends_soon());
}

TEST_F(AServer, ThatIsStoppedEndsWhateverIsUnderWay) {
  must_start();
  const PlainSocket far = client();
  far.send(get);
  const PlainSocket at = backend();
  static_cast<void>(at.receive_until("\r\n\r\n"));
  server->stop_now();
  EXPECT_TRUE(ends_soon());
  EXPECT_TRUE(far.ended());
  EXPECT_TRUE(at.ended());
}

TEST_F(AServer, ThatDrainsCanStillBeStopped) {
  must_start();
  const PlainSocket far = client();
  far.send(get);
  const PlainSocket at = backend();
  static_cast<void>(at.receive_until("\r\n\r\n"));
  server->drain();
  server->stop_now();
  EXPECT_TRUE(ends_soon());
  EXPECT_TRUE(far.ended());
}

TEST_F(AServer, HoldsItsClientsAtTheCapAndServesTheNextWhenOneGoes) {
  config.listeners[0].max_connections = 1;
  must_start();
  auto first = std::make_unique<PlainSocket>(client());
  first->send(get);
  const PlainSocket at = backend();
  static_cast<void>(at.receive_until("\r\n\r\n"));
  at.send(ok);
  EXPECT_EQ(first->receive_until("ok"), ok);
  const PlainSocket second = client();
  second.send(get);
  first.reset();
  EXPECT_THAT(at.receive_until("\r\n\r\n"), StartsWith("GET / "));
  at.send(ok);
  EXPECT_EQ(second.receive_until("ok"), ok);
}

}  // namespace
}  // namespace holdfast
