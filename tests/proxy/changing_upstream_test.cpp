// An upstream whose servers come and go.

#include "proxy/fake_world.h"
#include "proxy/upstream.h"

namespace holdfast {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::StartsWith;

class AChangingUpstream : public ProxyTest {
 protected:
  static constexpr std::string_view first = "10.0.0.1:80";
  static constexpr std::string_view second = "10.0.0.2:80";

  AChangingUpstream() { upstream.servers = {}; }

  void servers(const std::vector<std::string_view>& now) {
    std::vector<SocketAddress> addresses;
    for (const std::string_view address : now) {
      addresses.push_back(*SocketAddress::parse(address));
    }
    shared_servers().replace(addresses);
    follow();
  }
  void lack(ErrorCode why) {
    shared_servers().set_lack(make_error(why));
    follow();
  }
  void follow() {
    for (unsigned i = 0; i < worker_count; ++i) {
      worker(i).upstream.follow(shared_servers().roster());
    }
    settle();
  }
  // As whoever changes the roster does, once in a while.
  void sweep() {
    advance(300ms);
    if (shared_servers().sweep()) {
      follow();
    }
    static_cast<void>(shared_servers().sweep());
  }
  [[nodiscard]] SharedUpstream& shared_servers() {
    if (!roster) {
      roster = std::make_unique<SharedUpstream>(upstream, worker_count, next_number);
    }
    return *roster;
  }
  [[nodiscard]] std::string address_of(std::size_t number) { return backend(number).wire.address; }
};

TEST_F(AChangingUpstream, LetsARequestWaitForItsFirstServer) {
  Far& far = client();
  far.sends(get);
  EXPECT_EQ(far.got(), "");
  servers({first});
  ASSERT_EQ(backends(), 1U);
  backend(0).sends(ok);
  EXPECT_EQ(far.got(), ok);
}

TEST_F(AChangingUpstream, BuffersAChunkedRequestThatHasWaited) {
  Far& far = client();
  far.sends(
      "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n"
      "Expect: 100-continue\r\n\r\n");
  servers({first});
  EXPECT_THAT(far.got(), StartsWith("HTTP/1.1 100 "));
  far.sends("5\r\nhello\r\n0\r\n\r\n");
  ASSERT_EQ(backends(), 1U);
  const std::string request = backend(0).got();
  EXPECT_THAT(request, HasSubstr("Content-Length: 5\r\n"));
  EXPECT_THAT(request, EndsWith("\r\n\r\nhello"));
  backend(0).sends(ok);
  EXPECT_EQ(far.got(), ok);
}

TEST_F(AChangingUpstream, TellsThoseWhoHaveWaitedTooLong) {
  upstream.queue.timeout = 1s;
  Far& far = client();
  far.sends(get);
  advance(1100ms);
  EXPECT_THAT(far.got(), StartsWith("HTTP/1.1 504 "));
  EXPECT_EQ(errors(ErrorCode::name_unanswered), 1U);
}

TEST_F(AChangingUpstream, TellsThoseWhoWaitWhenItsNamesCannotBeResolved) {
  Far& far = client();
  far.sends(get);
  lack(ErrorCode::name_unresolved);
  EXPECT_THAT(far.got(), StartsWith("HTTP/1.1 503 "));
  far.sends(get);
  EXPECT_THAT(far.got(), StartsWith("HTTP/1.1 503 "));
  servers({first});
  far.sends(get);
  backend(0).sends(ok);
  EXPECT_EQ(far.got(), ok);
}

TEST_F(AChangingUpstream, ForgetsAClientThatLeavesWhileItWaits) {
  Far& far = client();
  far.sends(get);
  far.resets();
  servers({first});
  EXPECT_EQ(backends(), 0U);
}

TEST_F(AChangingUpstream, ClosesTheIdleConnectionsOfARemovedServer) {
  servers({first});
  Far& far = served_client();
  servers({second});
  EXPECT_TRUE(backend(0).wire.closed);
  EXPECT_EQ(retired(Retirement::address_removed), 1U);
  far.sends(get);
  EXPECT_EQ(address_of(1), second);
  backend(1).sends(ok);
  EXPECT_EQ(far.got(), ok);
}

TEST_F(AChangingUpstream, LetsARemovedServerFinishItsAnswer) {
  servers({first});
  Far& far = client();
  far.sends(get);
  servers({second});
  EXPECT_FALSE(backend(0).wire.closed);
  backend(0).sends(ok);
  EXPECT_EQ(far.got(), ok);
  EXPECT_TRUE(backend(0).wire.closed);
  EXPECT_EQ(retired(Retirement::address_removed), 1U);
}

TEST_F(AChangingUpstream, SendsThoseWhoWaitForARemovedServerToAnother) {
  upstream.pool.max_connections = 1;
  upstream.pool.max_idle = 1;
  servers({first});
  Far& busy = client();
  busy.sends(get);
  Far& far = client();
  far.sends(get);
  EXPECT_EQ(backends(), 1U);
  servers({second});
  ASSERT_EQ(backends(), 2U);
  EXPECT_EQ(address_of(1), second);
  backend(1).sends(ok);
  EXPECT_EQ(far.got(), ok);
  backend(0).sends(ok);
  EXPECT_EQ(busy.got(), ok);
}

TEST_F(AChangingUpstream, ReplaysAtAnotherServerWhatARemovedOneDropped) {
  servers({first});
  Far& far = served_client();
  far.sends(get);
  servers({second});
  backend(0).ends();
  ASSERT_EQ(backends(), 2U);
  EXPECT_EQ(address_of(1), second);
  backend(1).sends(ok);
  EXPECT_EQ(far.got(), ok);
}

TEST_F(AChangingUpstream, ForgetsARemovedServerWhenAllIsOver) {
  servers({first});
  Far& far = client();
  far.sends(get);
  servers({second});
  sweep();
  EXPECT_EQ(worker().upstream.removed(), 1U);
  backend(0).sends(ok);
  EXPECT_EQ(far.got(), ok);
  sweep();
  EXPECT_EQ(worker().upstream.removed(), 0U);
  EXPECT_FALSE(shared_servers().anything_leaving());
}

// Its body is still being collected: it has no connection and does not wait, but it was meant for
// that server.
TEST_F(AChangingUpstream, KeepsARemovedServerThatARequestMayStillAskFor) {
  servers({first});
  Far& far = client();
  far.sends("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel");
  servers({second});
  sweep();
  EXPECT_EQ(worker().upstream.removed(), 1U);
  far.sends("lo\r\n0\r\n\r\n");
  ASSERT_EQ(backends(), 1U);
  EXPECT_EQ(address_of(0), second);
  backend(0).sends(ok);
  EXPECT_EQ(far.got(), ok);
  sweep();
  EXPECT_EQ(worker().upstream.removed(), 0U);
}

TEST_F(AChangingUpstream, HoldsTheLimitOfAServerThatComesBack) {
  upstream.pool.max_connections = 1;
  upstream.pool.max_idle = 1;
  servers({first});
  Far& busy = client();
  busy.sends(get);
  servers({second});
  servers({first});
  Far& far = client();
  far.sends(get);
  EXPECT_EQ(backends(), 1U);
  backend(0).sends(ok);
  EXPECT_EQ(busy.got(), ok);
  backend(0).sends(ok);
  EXPECT_EQ(far.got(), ok);
  EXPECT_EQ(backends(), 1U);
  sweep();
  EXPECT_FALSE(shared_servers().anything_leaving());
}

TEST_F(AChangingUpstream, ForgetsNoServerThatAnotherWorkerStillUses) {
  worker_count = 2;
  servers({first});
  Far& far = client(1);
  far.sends(get);
  servers({second});
  sweep();
  EXPECT_EQ(worker(0).upstream.removed(), 1U);
  backend(0).sends(ok);
  EXPECT_EQ(far.got(), ok);
  sweep();
  EXPECT_EQ(worker(0).upstream.removed(), 0U);
  EXPECT_EQ(worker(1).upstream.removed(), 0U);
}

TEST_F(AChangingUpstream, ClosesAConnectionThatReachesARemovedServer) {
  worker_count = 2;
  upstream.pool.max_connections = 1;
  upstream.pool.max_idle = 2;
  servers({first});
  served_client();
  Far& far = client(1);
  far.wire.arrived = get;
  network.on_put_aside = [&](Wire&) {
    const std::vector<SocketAddress> now{*SocketAddress::parse(second)};
    shared_servers().replace(now);
    worker(1).upstream.follow(shared_servers().roster());
  };
  settle();
  follow();
  EXPECT_TRUE(backend(0).wire.closed);
  EXPECT_EQ(address_of(1), second);
  backend(1).sends(ok);
  EXPECT_EQ(far.got(), ok);
  sweep();
  EXPECT_EQ(worker(1).upstream.removed(), 0U);
}

TEST_F(AChangingUpstream, SpreadsRequestsOverAllOfThem) {
  servers({first, second});
  client().sends(get);
  client().sends(get);
  ASSERT_EQ(backends(), 2U);
  EXPECT_NE(address_of(0), address_of(1));
  backend(0).sends(ok);
  backend(1).sends(ok);
}

}  // namespace
}  // namespace holdfast
