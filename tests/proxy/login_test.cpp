// Logins that hold for a connection (NTLM, Negotiate): it is pinned to its client.

#include "proxy/fake_world.h"

namespace holdfast {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::StartsWith;

class ALogin : public ProxyTest {
 protected:
  static constexpr std::string_view ask =
      "GET /in HTTP/1.1\r\nHost: a\r\nAuthorization: NTLM TlRMTVNTUAAB\r\n\r\n";
  static constexpr std::string_view challenge =
      "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: NTLM TlRMTVNTUAAC\r\n"
      "Content-Length: 0\r\n\r\n";

  // A client that has asked and was challenged over the newest connection, pinned to it now.
  Far& pinned_client() {
    Far& made = client();
    made.sends(ask);
    backend(backends() - 1).sends(challenge);
    EXPECT_EQ(made.got(), challenge);
    EXPECT_THAT(backend(backends() - 1).got(), HasSubstr("NTLM TlRMTVNTUAAB\r\n"));
    return made;
  }
  [[nodiscard]] const Pool<UpstreamConnection>& pool() { return endpoint().pool(); }
};

TEST_F(ALogin, KeepsItsConnectionForItsClient) {
  Far& far = pinned_client();
  EXPECT_EQ(pool().pinned(), 1U);
  EXPECT_EQ(pool().idle(), 0U);
  EXPECT_EQ(pool().leased(), 0U);
  EXPECT_EQ(shared().permits.taken(), 1U);
  for (const char* target : {"/1", "/2", "/3"}) {  // the login holds without being shown again
    far.sends(get_of(target));
    EXPECT_THAT(backend(0).got(), StartsWith("GET " + std::string(target)));
    backend(0).sends(ok);
    EXPECT_EQ(far.got(), ok);
  }
  EXPECT_EQ(backends(), 1U);
  EXPECT_EQ(pool().pinned(), 1U);
}

TEST_F(ALogin, IsBoundByWhateverFieldNamesIt) {
  for (const char* field : {"WWW-Authenticate: Negotiate", "WWW-Authenticate: Basic, ntlm",
                            "Proxy-Authenticate: NTLM", "Authentication-Info: Negotiate x"}) {
    Far& far = client();
    far.sends(get);
    Far& last = backend(backends() - 1);
    last.sends("HTTP/1.1 401 No\r\n" + std::string(field) + "\r\nContent-Length: 0\r\n\r\n");
    EXPECT_EQ(pool().pinned(), 1U) << field;
    far.ends();
    EXPECT_TRUE(last.wire.closed) << field;
  }
  EXPECT_EQ(retired(Retirement::connection_bound), 4U);
}

TEST_F(ALogin, IsSeenInAnInterimAnswerToo) {
  Far& far = client();
  far.sends(get);
  backend(0).sends("HTTP/1.1 103 Hint\r\nWWW-Authenticate: NTLM\r\n\r\n" + std::string(ok));
  EXPECT_THAT(far.got(), EndsWith(ok));
  EXPECT_EQ(pool().pinned(), 1U);
  EXPECT_EQ(pool().idle(), 0U);
}

TEST_F(ALogin, IsNeverLentToAnybodyElse) {
  Far& one = pinned_client();
  Far& other = client();
  other.sends(get_of("/other"));
  ASSERT_EQ(backends(), 2U);
  EXPECT_THAT(backend(1).got(), StartsWith("GET /other "));
  backend(1).sends(ok);
  one.sends(get_of("/one"));
  EXPECT_THAT(backend(0).got(), StartsWith("GET /one "));
  backend(0).sends(ok);
  other.sends(get_of("/again"));
  EXPECT_THAT(backend(1).got(), StartsWith("GET /again "));
  EXPECT_EQ(backends(), 2U);
}

TEST_F(ALogin, TakesAPooledConnectionOutOfThePoolForGood) {
  static_cast<void>(served_client());
  Far& far = pinned_client();
  EXPECT_EQ(backends(), 1U);
  far.ends();
  EXPECT_TRUE(backend(0).wire.closed);
  EXPECT_EQ(pool().size(), 0U);
}

TEST_F(ALogin, GoesOverOneServerOnly) {
  upstream.servers = {"10.0.0.1:80", "10.0.0.2:80"};
  Far& far = pinned_client();
  for (int i = 0; i < 3; ++i) {
    far.sends(get);
    backend(0).sends(ok);
    EXPECT_EQ(far.got(), ok);
  }
  EXPECT_EQ(backends(), 1U);
}

TEST_F(ALogin, HoldsForWhatIsPipelined) {
  Far& far = client();
  far.sends(std::string(ask) + get_of("/2"));
  backend(0).sends(challenge);
  EXPECT_THAT(backend(0).got(), HasSubstr("GET /2 "));
  backend(0).sends(ok);
  EXPECT_THAT(far.got(), EndsWith(ok));
  EXPECT_EQ(backends(), 1U);
}

TEST_F(ALogin, HoldsForAChunkedRequestThatIsCollected) {
  Far& far = client();
  far.sends(ask);
  backend(0).sends(
      "HTTP/1.0 401 No\r\nConnection: keep-alive\r\nWWW-Authenticate: NTLM\r\n"
      "Content-Length: 0\r\n\r\n");
  static_cast<void>(far.got());
  static_cast<void>(backend(0).got());
  far.sends("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
  EXPECT_EQ(pool().pinned(), 1U);  // still at rest
  far.sends("0\r\n\r\n");
  EXPECT_THAT(backend(0).got(), EndsWith("\r\n\r\nabc"));
  backend(0).sends(ok10);
  EXPECT_THAT(far.got(), EndsWith("ok"));
  EXPECT_EQ(backends(), 1U);
}

TEST_F(ALogin, EndsWithItsClient) {
  Far& far = pinned_client();
  far.ends();
  EXPECT_TRUE(backend(0).wire.closed);
  EXPECT_EQ(retired(Retirement::connection_bound), 1U);
  EXPECT_EQ(shared().permits.taken(), 0U);
}

TEST_F(ALogin, EndsWithAClientThatResets) {
  pinned_client().resets();
  EXPECT_TRUE(backend(0).wire.closed);
  EXPECT_EQ(retired(Retirement::connection_bound), 1U);
}

TEST_F(ALogin, EndsWithTheClientsLastRequest) {
  Far& far = pinned_client();
  far.sends("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  backend(0).sends(ok);
  EXPECT_THAT(far.got(), EndsWith("ok"));
  EXPECT_TRUE(backend(0).wire.closed);
  EXPECT_EQ(retired(Retirement::connection_bound), 1U);
}

TEST_F(ALogin, EndsWithARefusedRequestOfTheClient) {
  Far& far = pinned_client();
  far.sends("BAD\r\n\r\n");
  EXPECT_THAT(far.got(), StartsWith("HTTP/1.1 400 "));
  EXPECT_TRUE(backend(0).wire.closed);
}

TEST_F(ALogin, EndsWhenTheClientIsIdleForTooLong) {
  listener.timeouts.idle = 5s;
  pinned_client();
  advance(5s - 10ms);
  EXPECT_FALSE(backend(0).wire.closed);
  advance(20ms);
  EXPECT_TRUE(backend(0).wire.closed);
  EXPECT_EQ(retired(Retirement::connection_bound), 1U);
}

TEST_F(ALogin, EndsWhenTheConnectionIsIdleForTooLong) {
  upstream.pool.idle_timeout = 5s;
  Far& far = pinned_client();
  advance(5s - 10ms);
  EXPECT_FALSE(backend(0).wire.closed);
  advance(20ms);
  EXPECT_TRUE(backend(0).wire.closed);
  EXPECT_EQ(retired(Retirement::connection_bound), 1U);
  far.sends(get);  // the client does not notice until it asks
  backend(1).sends(ok);
  EXPECT_EQ(far.got(), ok);
  EXPECT_EQ(pool().idle(), 1U);
}

TEST_F(ALogin, EndsWhenTheBackendCloses) {
  Far& far = pinned_client();
  backend(0).ends();
  EXPECT_TRUE(backend(0).wire.closed);
  EXPECT_EQ(retired(Retirement::connection_bound), 1U);
  far.sends(get);
  EXPECT_THAT(backend(1).got(), StartsWith("GET / "));
  backend(1).sends(ok);
  EXPECT_EQ(far.got(), ok);
}

TEST_F(ALogin, EndsWhenTheBackendResets) {
  pinned_client();
  backend(0).resets();
  EXPECT_EQ(retired(Retirement::connection_bound), 1U);
  EXPECT_EQ(pool().size(), 0U);
}

TEST_F(ALogin, EndsWithAByteThatNobodyAskedFor) {
  Far& far = pinned_client();
  backend(0).sends("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil");
  EXPECT_TRUE(backend(0).wire.closed);
  EXPECT_EQ(retired(Retirement::spoke_while_idle), 1U);
  far.sends(get);
  backend(1).sends(ok);
  EXPECT_EQ(far.got(), ok);
}

// The loop may not have come to it yet when the client asks.
TEST_F(ALogin, IsLookedAtBeforeItIsUsedAgain) {
  Far& far = pinned_client();
  for (const bool speaks : {true, false}) {
    Wire& wire = backend(backends() - 1).wire;
    wire.written.clear();
    speaks ? void(wire.arrived = "evil") : void(wire.end_arrived = true);
    far.sends(ask);  // its stream is the older one: the loop comes to it first
    EXPECT_TRUE(wire.closed);
    EXPECT_EQ(wire.written, "");
    backend(backends() - 1).sends(challenge);
    EXPECT_EQ(far.got(), challenge);
  }
  EXPECT_EQ(backends(), 3U);
}

TEST_F(ALogin, IsNotRepeatedOverAnotherConnection) {
  Far& far = pinned_client();
  far.sends(get);
  backend(0).ends();
  EXPECT_THAT(far.got(), StartsWith("HTTP/1.1 502 "));
  EXPECT_EQ(backends(), 1U);
  EXPECT_EQ(counters().replays, 0U);
}

TEST_F(ALogin, IsRepeatedIfNothingOfItWasTaken) {
  Far& far = pinned_client();
  backend(0).wire.takes_no_write = true;
  far.sends(post_of("body"));
  ASSERT_EQ(backends(), 2U);
  EXPECT_THAT(backend(1).got(), EndsWith("body"));
  backend(1).sends(ok);
  EXPECT_EQ(far.got(), ok);
  EXPECT_EQ(pool().pinned(), 1U);  // nobody knows what the backend made of it
}

TEST_F(ALogin, IsNotKeptByABackendThatCloses) {
  Far& far = client();
  far.sends(ask);
  backend(0).sends(
      "HTTP/1.1 401 No\r\nWWW-Authenticate: NTLM\r\nConnection: close\r\n"
      "Content-Length: 0\r\n\r\n");
  EXPECT_TRUE(backend(0).wire.closed);
  EXPECT_TRUE(far.open());
  EXPECT_EQ(retired(Retirement::connection_bound), 1U);
}

TEST_F(ALogin, IsNotKeptWithBytesLeftOver) {
  Far& far = client();
  far.sends(ask);
  backend(0).sends(std::string(challenge) + "x");
  EXPECT_EQ(far.got(), challenge);
  EXPECT_TRUE(backend(0).wire.closed);
  EXPECT_EQ(retired(Retirement::extra_bytes), 1U);
}

TEST_F(ALogin, IsHeldToTheLimitsOfThePool) {
  upstream.pool.max_requests = 2;
  Far& far = pinned_client();
  far.sends(get);
  backend(0).sends(ok);
  EXPECT_EQ(far.got(), ok);
  EXPECT_TRUE(backend(0).wire.closed);
  EXPECT_EQ(retired(Retirement::max_requests), 1U);
}

// Those who might ask again do not keep out those who do ask.
TEST_F(ALogin, AtRestMakesWayWhereAllPermitsAreTaken) {
  upstream.pool.max_connections = 2;
  pinned_client();
  pinned_client();
  advance(10s);
  EXPECT_EQ(pool().pinned(), 2U);  // nobody misses them
  Far& far = client();
  far.sends(get_of("/new"));
  EXPECT_EQ(waiting(), 1U);
  advance(1s + 10ms);
  ASSERT_EQ(backends(), 3U);
  EXPECT_THAT(backend(2).got(), StartsWith("GET /new "));
  EXPECT_EQ(pool().pinned(), 1U);  // one had to go, not both
}

TEST_F(ALogin, UnderWayIsNotDisturbedByThoseWhoWait) {
  upstream.pool.max_connections = 1;
  Far& one = pinned_client();
  Far& other = client();
  other.sends(get_of("/other"));
  advance(500ms);
  one.sends(get_of("/one"));
  EXPECT_THAT(backend(0).got(), StartsWith("GET /one "));
  backend(0).sends(ok);
  advance(900ms);
  EXPECT_EQ(pool().pinned(), 1U);
  advance(200ms);
  EXPECT_THAT(backend(1).got(), StartsWith("GET /other "));
}

TEST_F(ALogin, MakesWayForOtherWorkersToo) {
  upstream.pool.max_connections = 1;
  worker_count = 2;
  pinned_client();
  Far& far = client(1);
  far.sends(get_of("/new"));
  advance(1s + 10ms);
  ASSERT_EQ(backends(), 2U);
  EXPECT_THAT(backend(1).got(), StartsWith("GET /new "));
  EXPECT_EQ(neighbours.given(), 0U);  // never moved
}

TEST_F(ALogin, EndsWithADrain) {
  Far& far = pinned_client();
  worker().drain();
  settle();
  EXPECT_TRUE(far.wire.end_seen);
  EXPECT_TRUE(backend(0).wire.closed);
}

}  // namespace
}  // namespace holdfast
