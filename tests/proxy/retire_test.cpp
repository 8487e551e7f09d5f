// How connections that are done with end: who closes first, and how.

#include "proxy/fake_world.h"

namespace holdfast {
namespace {

using testing::HasSubstr;
using testing::Not;

class RetireTest : public ProxyTest {
 protected:
  std::uint64_t closed(Closer closer, Ending ending, Retirement reason) {
    return endpoint().tally().closed_by(closer, ending)[static_cast<std::size_t>(reason)];
  }
  std::size_t resting() { return endpoint().pool().resting(); }
  std::size_t idle() { return endpoint().pool().idle(); }
  // A client is served, over a connection that exists or a new one.
  void ask(Far& far, std::string_view answer = ok) {
    far.sends(get);
    backend(backends() - 1).sends(answer);
    static_cast<void>(far.got());
  }
};

TEST_F(RetireTest, LeavesAnIdleConnectionToTheBackend) {
  upstream.pool.idle_timeout = 4s;
  served_client();
  advance(4s + 100ms);
  EXPECT_EQ(resting(), 1U);
  EXPECT_TRUE(backend(0).open());
  advance(1s);
  backend(0).ends();
  EXPECT_EQ(closed(Closer::backend, Ending::reset, Retirement::ended_while_idle), 1U);
  EXPECT_TRUE(backend(0).cut());  // behind its end of stream: nobody keeps a TIME_WAIT
}

TEST_F(RetireTest, NeverUsesARestingConnection) {
  upstream.pool.idle_timeout = 4s;
  Far& far = served_client();
  advance(4s + 100ms);
  far.sends(get);
  EXPECT_EQ(backends(), 2U);
  EXPECT_EQ(backend(0).got(), "");
  backend(1).sends(ok);
}

TEST_F(RetireTest, ClosesWhatTheBackendDoesNotClose) {
  upstream.pool.idle_timeout = 4s;
  served_client();
  advance(9s);
  EXPECT_EQ(closed(Closer::holdfast, Ending::fin, Retirement::idle_timeout), 1U);
  EXPECT_FALSE(backend(0).cut());
}

TEST_F(RetireTest, ClosesByAResetWherePortsAreScarce) {
  upstream.pool.idle_timeout = 4s;
  served_client();
  shared().ports_scarce = true;
  advance(9s);
  EXPECT_EQ(closed(Closer::holdfast, Ending::reset, Retirement::idle_timeout), 1U);
  EXPECT_TRUE(backend(0).cut());
}

TEST_F(RetireTest, ARestingConnectionMakesWayForWhoWaits) {
  upstream.pool.idle_timeout = 4s;
  upstream.pool.max_connections = 1;
  Far& far = served_client();
  advance(4s + 100ms);
  ASSERT_EQ(resting(), 1U);
  far.sends(get);
  ASSERT_EQ(backends(), 2U);
  backend(1).sends(ok);
  EXPECT_EQ(far.got(), ok);
}

TEST_F(RetireTest, TriesARestingConnectionWhileItsLimitIsAGuess) {
  upstream.pool.max_connections = 1;
  Far& far = served_client();
  advance(4s + 100ms);
  ASSERT_EQ(resting(), 1U);
  ask(far);
  EXPECT_EQ(backends(), 1U);
  EXPECT_EQ(idle(), 1U);
}

TEST_F(RetireTest, SendsOnceMoreWhatFoundTheLimitOnARestingConnection) {
  upstream.pool.max_connections = 1;
  Far& far = served_client();
  advance(4s + 100ms);
  far.sends(get);
  backend(0).ends();
  ASSERT_EQ(backends(), 2U);
  backend(1).sends(ok);
  EXPECT_EQ(far.got(), ok);
  EXPECT_EQ(endpoint().learned().idle_limit(), 4s + 100ms);
}

TEST_F(RetireTest, TriesNoRestingConnectionForWhatMayNotBeSentTwice) {
  upstream.pool.max_connections = 1;
  Far& far = served_client();
  advance(4s + 100ms);
  far.sends(post_of("a"));
  ASSERT_EQ(backends(), 2U);
  EXPECT_EQ(backend(0).got(), "");
  backend(1).sends(ok);
  EXPECT_EQ(far.got(), ok);
}

TEST_F(RetireTest, TriesNoRestingConnectionBeyondALimitThatItKnows) {
  upstream.pool.max_connections = 1;
  served_client();
  advance(5s);
  backend(0).ends();
  Far& far = served_client();
  advance(4s + 100ms);
  ASSERT_EQ(resting(), 1U);
  ask(far);
  EXPECT_EQ(backends(), 3U);
}

TEST_F(RetireTest, ARestingConnectionMakesWayForAnotherWorker) {
  worker_count = 2;
  upstream.pool.idle_timeout = 4s;
  upstream.pool.max_connections = 1;
  served_client();
  advance(4s + 100ms);
  ASSERT_EQ(resting(), 1U);
  Far& other = client(1);
  other.sends(get);
  ASSERT_EQ(backends(), 2U);
  backend(1).sends(ok);
  EXPECT_EQ(other.got(), ok);
}

TEST_F(RetireTest, ClosesAtOnceByFinIfToldSo) {
  upstream.pool.idle_timeout = 4s;
  upstream.retire = Retire::fin;
  served_client();
  advance(4s + 100ms);
  EXPECT_EQ(closed(Closer::holdfast, Ending::fin, Retirement::idle_timeout), 1U);
}

TEST_F(RetireTest, ClosesAtOnceByResetIfToldSo) {
  upstream.pool.idle_timeout = 4s;
  upstream.retire = Retire::reset;
  served_client();
  advance(4s + 100ms);
  EXPECT_EQ(closed(Closer::holdfast, Ending::reset, Retirement::idle_timeout), 1U);
  EXPECT_TRUE(backend(0).cut());
}

TEST_F(RetireTest, ResetsNoConnectionWithBytesUnread) {
  upstream.pool.idle_timeout = 4s;
  upstream.retire = Retire::reset;
  served_client();
  backend(0).sends("HTTP/1.1 200 OK\r\n\r\n");
  EXPECT_EQ(closed(Closer::holdfast, Ending::fin, Retirement::spoke_while_idle), 1U);
}

TEST_F(RetireTest, PeerFirstClosesByFinBehindTheBackend) {
  upstream.retire = Retire::peer_first;
  served_client();
  backend(0).ends();
  EXPECT_EQ(closed(Closer::backend, Ending::fin, Retirement::ended_while_idle), 1U);
  EXPECT_FALSE(backend(0).cut());
}

TEST_F(RetireTest, SaysCloseInTheLastRequestOfAConnection) {
  upstream.pool.max_requests = 2;
  Far& far = served_client();
  far.sends(get);
  EXPECT_THAT(backend(0).got(), HasSubstr("\r\nConnection: close\r\n"));
  backend(0).sends("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok");
  EXPECT_EQ(far.got(), ok);
  EXPECT_TRUE(backend(0).open());
  backend(0).ends();
  EXPECT_EQ(closed(Closer::backend, Ending::reset, Retirement::max_requests), 1U);
}

TEST_F(RetireTest, TakesAnAnswerThatEndsByTheCloseItAskedFor) {
  upstream.pool.max_requests = 2;
  Far& far = served_client();
  far.sends(get);
  backend(0).sends("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nok");
  backend(0).ends();
  EXPECT_THAT(far.got(), testing::EndsWith("2\r\nok\r\n0\r\n\r\n"));
  EXPECT_EQ(closed(Closer::backend, Ending::reset, Retirement::max_requests), 1U);
}

TEST_F(RetireTest, ClosesItselfWhereTheBackendDoesNotListen) {
  upstream.pool.max_requests = 1;
  Far& far = client();
  ask(far);
  EXPECT_TRUE(backend(0).open());
  advance(1s + 100ms);
  EXPECT_EQ(closed(Closer::holdfast, Ending::fin, Retirement::max_requests), 1U);
}

TEST_F(RetireTest, SaysNothingInTheLastRequestWhereItClosesByItself) {
  upstream.pool.max_requests = 1;
  upstream.retire = Retire::fin;
  Far& far = client();
  far.sends(get);
  EXPECT_THAT(backend(0).got(), Not(HasSubstr("close")));
  backend(0).sends(ok);
  EXPECT_EQ(closed(Closer::holdfast, Ending::fin, Retirement::max_requests), 1U);
}

TEST_F(RetireTest, LearnsTheIdleLimitOfTheBackend) {
  served_client();
  advance(2s);
  backend(0).ends();
  EXPECT_EQ(endpoint().learned().idle_limit(), 2s);
  Far& far = client();
  ask(far);
  advance(1700ms);
  EXPECT_EQ(resting(), 1U);
}

TEST_F(RetireTest, LearnsWhatTheBackendAnnounces) {
  Far& far = client();
  ask(far, "HTTP/1.1 200 OK\r\nKeep-Alive: timeout=2, max=99\r\nContent-Length: 2\r\n\r\nok");
  EXPECT_EQ(endpoint().learned().idle_limit(), 2s);
  EXPECT_EQ(endpoint().learned().request_limit(), 100U);
  advance(1700ms);
  EXPECT_EQ(resting(), 1U);
}

TEST_F(RetireTest, WatchesBeyondTheLimitUntilItIsProvedWrong) {
  served_client();
  advance(2s);
  backend(0).ends();
  Far& far = client();
  ask(far);
  advance(100s);
  EXPECT_FALSE(endpoint().learned().idle_limit());
  EXPECT_EQ(resting(), 1U);  // the one connection has proved it, and costs no TIME_WAIT yet
}

TEST_F(RetireTest, LearnsNothingFromAConnectionThatNobodyHasUsed) {
  Far& far = client();
  far.sends(get);
  far.resets();
  ASSERT_EQ(backends(), 1U);
  advance(2s);
  backend(0).ends();
  EXPECT_FALSE(endpoint().learned().idle_limit());
}

TEST_F(RetireTest, StaysBelowALimitOfRequestsThatItHasLearned) {
  Far& far = client();
  for (int i = 0; i < 2; ++i) {
    ask(far);
    ask(far);
    backend(backends() - 1).ends();
  }
  EXPECT_EQ(endpoint().learned().request_cap(), 2U);
  ask(far);
  ask(far);
  EXPECT_EQ(resting(), 1U);  // the first one is watched, and not handed out either
  backend(2).ends();
  ask(far);
  static_cast<void>(backend(3).got());
  far.sends(get);
  EXPECT_THAT(backend(3).got(), HasSubstr("Connection: close"));
  backend(3).sends(ok);
}

// An idle connection that moves has been idle at the backend for as long as before.
TEST_F(RetireTest, KeepsTheIdleTimeOfAConnectionThatMoves) {
  worker_count = 2;
  upstream.pool.idle_timeout = 4s;
  upstream.pool.max_connections = 1;
  served_client();
  advance(3s);
  Far& other = client(1);
  other.sends(get);
  ASSERT_EQ(backends(), 1U);
  backend(0).sends(ok);
  EXPECT_EQ(other.got(), ok);
}

}  // namespace
}  // namespace holdfast
