#include "proxy/exchange.h"
#include "proxy/fake_world.h"

namespace holdfast {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

// What becomes of a request whose connection fails.
class AReplay : public ProxyTest {
 protected:
  // A client and a backend connection that have served before.
  Far& warmed_up() { return served_client(); }
};

TEST_F(AReplay, TakesAStaleGetToAFreshConnection) {
  Far& far = warmed_up();
  far.sends(get_of("/x"));
  backend(0).ends();
  ASSERT_EQ(backends(), 2U);
  EXPECT_THAT(backend(1).got(), StartsWith("GET /x HTTP/1.1\r\n"));
  backend(1).sends(ok);
  EXPECT_EQ(far.got(), ok);
  EXPECT_EQ(counters().replays, 1U);
}

TEST_F(AReplay, IsTheSameAfterAReset) {
  Far& far = warmed_up();
  far.sends(get_of("/x"));
  backend(0).resets();
  EXPECT_THAT(backend(1).got(), StartsWith("GET /x HTTP/1.1\r\n"));
  backend(1).sends(ok);
  EXPECT_EQ(far.got(), ok);
}

TEST_F(AReplay, IsNotMadeOfAPost) {
  Far& far = warmed_up();
  far.sends(post_of("body"));
  backend(0).ends();
  EXPECT_THAT(far.got(), StartsWith("HTTP/1.1 502 "));
  EXPECT_EQ(backends(), 1U);
  EXPECT_EQ(counters().replays, 0U);
}

TEST_F(AReplay, IsNotMadeOfAGetWithABody) {
  Far& far = warmed_up();
  far.sends("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx");
  backend(0).ends();
  EXPECT_THAT(far.got(), StartsWith("HTTP/1.1 502 "));
  EXPECT_EQ(backends(), 1U);
}

TEST_F(AReplay, IsMadeOnce) {
  Far& far = warmed_up();
  far.sends(get);
  backend(0).ends();
  backend(1).ends();
  EXPECT_THAT(far.got(), StartsWith("HTTP/1.1 502 "));
  EXPECT_EQ(backends(), 2U);
}

TEST_F(AReplay, IsNotMadeForAFreshConnection) {
  Far& far = client();
  far.sends(get);
  backend(0).ends();
  EXPECT_THAT(far.got(), StartsWith("HTTP/1.1 502 "));
  EXPECT_EQ(backends(), 1U);
}

TEST_F(AReplay, IsNotMadeOnceAByteOfAnAnswerHasCome) {
  Far& far = warmed_up();
  far.sends(get);
  backend(0).sends("H");
  backend(0).ends();
  EXPECT_THAT(far.got(), StartsWith("HTTP/1.1 502 "));
  EXPECT_EQ(backends(), 1U);
}

TEST_F(AReplay, IsMadeEvenOfAPostIfNothingWasTaken) {
  Far& far = warmed_up();
  backend(0).wire.takes_no_write = true;
  far.sends(post_of("the whole body"));
  ASSERT_EQ(backends(), 2U);
  const std::string request = backend(1).got();
  EXPECT_THAT(request, StartsWith("POST / HTTP/1.1\r\n"));
  EXPECT_THAT(request, EndsWith("\r\n\r\nthe whole body"));
  backend(1).sends(ok);
  EXPECT_EQ(far.got(), ok);
}

TEST_F(AReplay, KeepsAChunkedBodyIntactIfNothingWasTaken) {
  Far& far = warmed_up();
  backend(0).wire.takes_no_write = true;
  far.sends("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nd");
  ASSERT_EQ(backends(), 2U);
  EXPECT_THAT(backend(1).got(), EndsWith("\r\n\r\n4\r\nabcd\r\n"));
  far.sends("e\r\n0\r\n\r\n");
  EXPECT_EQ(backend(1).got(), "1\r\ne\r\n0\r\n\r\n");
  backend(1).sends(ok);
  EXPECT_EQ(far.got(), ok);
}

TEST_F(AReplay, KeepsWhatIsPipelinedBehindIt) {
  Far& far = warmed_up();
  backend(0).wire.takes_no_write = true;
  far.sends(post_of("one") + post_of("two"));
  EXPECT_THAT(backend(1).got(), EndsWith("\r\n\r\none"));
  backend(1).sends(ok_of("1"));
  EXPECT_THAT(backend(1).got(), EndsWith("\r\n\r\ntwo"));
  backend(1).sends(ok_of("2"));
  EXPECT_EQ(far.got(), ok_of("1") + ok_of("2"));
}

TEST_F(AReplay, OfAPostIsMadeOnceToo) {
  Far& far = warmed_up();
  backend(0).wire.takes_no_write = true;
  server().connects = FakeNetwork::Connects::when_told;
  far.sends(post_of("body"));
  backend(1).wire.takes_no_write = true;
  backend(1).accepts();
  EXPECT_THAT(far.got(), StartsWith("HTTP/1.1 502 "));
  EXPECT_EQ(backends(), 2U);
  EXPECT_EQ(counters().replays, 1U);
}

TEST_F(AReplay, SendsTheOtherIdleConnectionsAway) {
  Far& one = client();
  Far& other = client();
  one.sends(get);
  other.sends(get);
  backend(0).sends(ok);
  backend(1).sends(ok);
  ASSERT_EQ(endpoint().pool().idle(), 2U);
  one.sends(get);
  backend(1).ends();
  EXPECT_EQ(retired(Retirement::suspect), 1U);
  EXPECT_EQ(backends(), 3U);
  EXPECT_TRUE(backend(0).wire.closed);
}

TEST_F(AReplay, IsNotNeededIfTheLookBeforeLeasingFindsTheConnectionClosed) {
  Far& far = warmed_up();
  let_turns_pass();
  backend(0).wire.end_arrived = true;  // the loop reads the client first
  far.sends(post_of("body"));
  EXPECT_THAT(backend(1).got(), EndsWith("body"));
  EXPECT_EQ(retired(Retirement::stale), 1U);
  EXPECT_EQ(counters().replays, 0U);
}

TEST_F(AReplay, IsMadeEvenWhileDraining) {
  Far& far = warmed_up();
  far.sends(get);
  worker().drain();
  backend(0).ends();
  backend(1).sends(ok);
  EXPECT_THAT(far.got(), EndsWith("Connection: close\r\n\r\nok"));
  EXPECT_EQ(endpoint().pool().size(), 0U);
}

TEST_F(AReplay, GoesToNoConnectionThatHasServedBefore) {
  upstream.pool.max_connections = 2;
  Far& far = warmed_up();
  Far& other = client();
  far.sends(get_of("/replayed"));
  other.sends(get_of("/other"));
  server().connects = FakeNetwork::Connects::when_told;
  static_cast<void>(backend(1).got());
  backend(0).ends();
  backend(1).sends(ok);  // it is free now, and had served the other
  EXPECT_EQ(backend(1).got(), "");
  backend(2).accepts();
  EXPECT_THAT(backend(2).got(), StartsWith("GET /replayed "));
  backend(2).sends(ok);
  EXPECT_EQ(far.got(), ok);
}

TEST_F(AReplay, MakesWayForItselfWhereOldConnectionsHoldAllPermits) {
  upstream.pool.max_connections = 2;
  Far& far = warmed_up();
  Far& other = client();
  Far& third = client();
  far.sends(get_of("/replayed"));
  other.sends(get_of("/other"));
  third.sends(get_of("/third"));  // takes the next permit
  backend(0).ends();
  backend(1).sends(ok);
  backend(backends() - 1).sends(ok);
  backend(backends() - 1).sends(ok);
  EXPECT_EQ(far.got(), ok);
  EXPECT_EQ(other.got(), ok);
}

TEST_F(AReplay, KeepsTheClientOfACompleteRequestThatFailed) {
  Far& far = warmed_up();
  far.sends(post_of("body"));
  backend(0).resets();
  EXPECT_THAT(far.got(), Not(HasSubstr("Connection: close")));
  EXPECT_TRUE(far.open());
  far.sends(get);
  backend(1).sends(ok);
  EXPECT_EQ(far.got(), ok);
}

// Chunks of one byte fill more than one gather write.
TEST_F(AReplay, ThatIsImpossibleAnswersWhatWasPipelinedOrClosesButNeverForgetsIt) {
  Far& far = warmed_up();
  std::string body;
  for (int i = 0; i < 20; ++i) {
    body += "1\r\nx\r\n";
  }
  backend(0).wire.writes_left = 1;
  far.sends("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" + body +
            "0\r\n\r\n" + get_of("/next"));
  backend(0).resets();
  EXPECT_THAT(far.got(), StartsWith("HTTP/1.1 502 "));
  const bool asked = backends() == 2U && backend(1).got().starts_with("GET /next");
  EXPECT_TRUE(asked || !far.open());
}

// A connection that cannot be made.
class ARefusal : public ProxyTest {
 protected:
  ARefusal() { upstream.servers = {"10.0.0.1:80", "10.0.0.2:80"}; }
  static constexpr const char* first = "10.0.0.1:80";
  static constexpr const char* second = "10.0.0.2:80";
};

TEST_F(ARefusal, SendsARequestToAnotherServer) {
  server(first).refuses_later = ECONNREFUSED;
  Far& far = client();
  far.sends(post_of("body"));
  ASSERT_EQ(backends(), 2U);
  EXPECT_EQ(backend(1).wire.address, second);
  EXPECT_THAT(backend(1).got(), EndsWith("body"));
  backend(1).sends(ok);
  EXPECT_EQ(far.got(), ok);
}

TEST_F(ARefusal, AtOnceSendsARequestToAnotherServer) {
  server(first).refuses_now = ENETUNREACH;
  Far& far = client();
  far.sends(post_of("body"));
  EXPECT_EQ(backend(0).wire.address, second);
  EXPECT_THAT(backend(0).got(), EndsWith("body"));
  backend(0).sends(ok);
  EXPECT_EQ(far.got(), ok);
}

TEST_F(ARefusal, GoesToTheServerThatWasNotTriedWhoeverTookATurnMeanwhile) {
  server(first).connects = FakeNetwork::Connects::when_told;
  Far& one = client();
  Far& other = client();
  one.sends(get_of("/one"));
  other.sends(get_of("/other"));
  ASSERT_EQ(backend(1).wire.address, second);
  server(first).refuses_later = ECONNREFUSED;
  backend(0).accepts(ECONNREFUSED);
  ASSERT_EQ(backends(), 3U);
  EXPECT_EQ(backend(2).wire.address, second);
  EXPECT_THAT(backend(2).got(), StartsWith("GET /one "));
  EXPECT_EQ(one.got(), "");
}

TEST_F(ARefusal, ByAllServersGives503) {
  server(first).refuses_later = ECONNREFUSED;
  server(second).refuses_later = ECONNREFUSED;
  Far& far = client();
  far.sends(get);
  EXPECT_THAT(far.got(), StartsWith("HTTP/1.1 503 "));
  EXPECT_EQ(backends(), 2U);
}

TEST_F(ARefusal, AtOnceByAllServersGives503) {
  server(first).refuses_now = ENETUNREACH;
  server(second).refuses_now = ENETUNREACH;
  Far& far = client();
  far.sends(post_of("body"));
  EXPECT_THAT(far.got(), StartsWith("HTTP/1.1 503 "));
  EXPECT_EQ(errors(ErrorCode::connect_failed), 1U);
}

TEST_F(ARefusal, TellsTheClientToComeAgain) {
  server(first).refuses_later = ECONNREFUSED;
  server(second).refuses_later = ECONNREFUSED;
  Far& far = client();
  far.sends(get);
  EXPECT_THAT(far.got(), HasSubstr("\r\nRetry-After: 1\r\n"));
}

TEST_F(ARefusal, KeepsTheClientOfACompleteRequest) {
  server(first).refuses_later = ECONNREFUSED;
  server(second).refuses_later = ECONNREFUSED;
  Far& far = client();
  far.sends(get);
  EXPECT_THAT(far.got(), Not(HasSubstr("Connection: close")));
  EXPECT_TRUE(far.open());
}

TEST_F(ARefusal, NeverSendsChunksToAnHttp10Server) {
  server(first);
  Far& far = client();
  far.sends(get);
  backend(0).sends(ok);
  far.sends(get);
  backend(1).sends(ok10);
  backend(0).ends();
  server(first).refuses_later = ECONNREFUSED;
  static_cast<void>(backend(1).got());
  static_cast<void>(far.got());
  far.sends(
      "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n");
  EXPECT_THAT(backend(1).got(), Not(HasSubstr("chunked")));
}

// The deadlines of a backend.
class ABackendsDeadline : public ProxyTest {};

TEST_F(ABackendsDeadline, ForConnectingGives504) {
  server().connects = FakeNetwork::Connects::when_told;
  Far& far = client();
  far.sends(get);
  advance(3s - 10ms);
  EXPECT_EQ(far.got(), "");
  advance(20ms);
  EXPECT_THAT(far.got(), StartsWith("HTTP/1.1 504 "));
  EXPECT_TRUE(backend(0).wire.closed);
}

TEST_F(ABackendsDeadline, ForItsAnswerGives504) {
  Far& far = client();
  far.sends(get);
  advance(60s - 10ms);
  EXPECT_EQ(far.got(), "");
  advance(20ms);
  EXPECT_THAT(far.got(), StartsWith("HTTP/1.1 504 "));
  EXPECT_EQ(retired(Retirement::timed_out), 1U);
  EXPECT_TRUE(far.open());
}

TEST_F(ABackendsDeadline, ForItsAnswerIsNotPutOffByAHeadInSmallPieces) {
  Far& far = client();
  far.sends(get);
  backend(0).sends("HTTP/1.1 200 OK\r\nX: ");
  for (int i = 0; i < 7 && far.open() && far.wire.written.empty(); ++i) {
    advance(10s);
    backend(0).sends("x");
  }
  EXPECT_THAT(far.got(), StartsWith("HTTP/1.1 504 "));
}

TEST_F(ABackendsDeadline, InTheMiddleOfAnAnswerCutsTheClient) {
  Far& far = client();
  far.sends(get);
  backend(0).sends("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab");
  advance(50s);
  backend(0).sends("c");
  advance(50s);
  EXPECT_TRUE(far.open());
  advance(11s);
  EXPECT_TRUE(far.cut());
  EXPECT_EQ(errors(ErrorCode::response_stalled), 1U);
}

TEST_F(ABackendsDeadline, DoesNotRunWhileTheClientIsTheSlowOne) {
  listener.limits.write_rate = 0;
  Far& far = client();
  far.reads_nothing();
  far.sends(get);
  backend(0).sends("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab");
  for (int i = 0; i < 10; ++i) {
    advance(20s);
    far.reads(3);
  }
  EXPECT_TRUE(far.open());
  EXPECT_EQ(errors(ErrorCode::response_stalled), 0U);
  far.reads_all();
  backend(0).sends("cde");
  EXPECT_THAT(far.got(), EndsWith("abcde"));
}

TEST_F(ABackendsDeadline, ForTakingARequestGives504) {
  Far& far = client();
  server().connects = FakeNetwork::Connects::when_told;
  far.sends(post_of(std::string(1000, 'x')));
  backend(0).reads_nothing();
  backend(0).accepts();
  advance(30s + 10ms);
  EXPECT_THAT(far.got(), StartsWith("HTTP/1.1 504 "));
  EXPECT_EQ(errors(ErrorCode::request_stalled), 1U);
}

TEST_F(ABackendsDeadline, ForTakingARequestIsPutOffByWhatItTakes) {
  Far& far = client();
  server().connects = FakeNetwork::Connects::when_told;
  far.sends(post_of(std::string(1000, 'x')));
  backend(0).reads_nothing();
  backend(0).accepts();
  for (int i = 0; i < 5; ++i) {
    advance(20s);
    backend(0).reads(100);
  }
  EXPECT_EQ(far.got(), "");
  backend(0).reads_all();
  EXPECT_THAT(backend(0).got(), EndsWith(std::string(1000, 'x')));
  backend(0).sends(ok);
  EXPECT_EQ(far.got(), ok);
}

// A client that goes before it has its answer.
class ALeavingClient : public ProxyTest {};

TEST_F(ALeavingClient, RetiresTheConnectionItHadLeased) {
  Far& far = client();
  far.sends(get);
  far.ends();
  EXPECT_TRUE(far.wire.closed);
  EXPECT_TRUE(backend(0).wire.closed);
  EXPECT_EQ(retired(Retirement::client_left), 1U);
  EXPECT_EQ(errors(ErrorCode::client_left), 1U);
}

TEST_F(ALeavingClient, RetiresTheConnectionInTheMiddleOfALongAnswer) {
  Far& far = client();
  far.sends(get);
  backend(0).sends("HTTP/1.1 200 OK\r\nContent-Length: 500000\r\n\r\nab");
  far.resets();
  EXPECT_TRUE(backend(0).wire.closed);
  EXPECT_EQ(endpoint().pool().idle(), 0U);
}

TEST_F(ALeavingClient, LeavesTheQueueAtOnce) {
  upstream.pool.max_connections = 1;
  Far& busy = client();
  Far& leaver = client();
  Far& patient = client();
  busy.sends(get);
  leaver.sends(get_of("/leaver"));
  patient.sends(get_of("/patient"));
  EXPECT_EQ(waiting(), 2U);
  leaver.ends();
  EXPECT_EQ(waiting(), 1U);
  static_cast<void>(backend(0).got());
  backend(0).sends(ok);
  EXPECT_THAT(backend(0).got(), StartsWith("GET /patient "));
  backend(0).sends(ok);
  EXPECT_EQ(patient.got(), ok);
  EXPECT_EQ(backends(), 1U);
}

TEST_F(ALeavingClient, LeavesTheConnectionThatWasBeingMadeToOthers) {
  server().connects = FakeNetwork::Connects::when_told;
  Far& far = client();
  far.sends(get);
  far.resets();
  backend(0).accepts();
  EXPECT_EQ(endpoint().pool().idle(), 1U);
  EXPECT_EQ(backend(0).got(), "");
  client().sends(get);
  EXPECT_THAT(backend(0).got(), StartsWith("GET / "));
  EXPECT_EQ(backends(), 1U);
}

TEST_F(ALeavingClient, InTheMiddleOfItsUploadRetiresTheConnection) {
  Far& far = client();
  far.sends("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc");
  far.ends();
  EXPECT_TRUE(backend(0).cut());  // else the kernel might deliver, for long, what is no request
  EXPECT_EQ(retired(Retirement::client_left), 1U);
}

TEST_F(ALeavingClient, IsNoticedWhenItsAnswerIsWrittenAndCostsNoConnection) {
  Far& far = client();
  far.sends(get);
  far.wire.takes_no_write = true;
  backend(0).sends(ok);
  EXPECT_TRUE(far.wire.closed);
  EXPECT_EQ(errors(ErrorCode::client_left), 1U);
  EXPECT_EQ(endpoint().pool().idle(), 1U);
}

}  // namespace
}  // namespace holdfast
