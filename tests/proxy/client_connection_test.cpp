#include "proxy/client_connection.h"

#include "proxy/fake_world.h"

namespace holdfast {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

class AClient : public ProxyTest {
 protected:
  static constexpr std::string_view last_get =
      "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
  static constexpr std::string_view last_ok =
      "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok";
};

TEST_F(AClient, IsServedByWhatHasArrivedBeforeItWasAccepted) {
  Far& far = client_with(get);
  backend(0).sends(ok);
  EXPECT_EQ(far.got(), ok);
}

TEST_F(AClient, ThatAsksOnceIsClosedBehindItsAnswer) {
  served_client();
  Far& far = client_with(last_get);
  EXPECT_FALSE(far.wire.reading);  // it costs no place in epoll
  backend(0).sends(ok);
  EXPECT_EQ(far.got(), last_ok);
  EXPECT_TRUE(far.wire.closed);
  EXPECT_FALSE(far.wire.reset_seen);
  EXPECT_EQ(endpoint().pool().idle(), 1U);
}

TEST_F(AClient, ThatAsksOnceIsWatchedIfItsAnswerTakesLong) {
  served_client();
  Far& far = client_with(last_get);
  advance(30ms);
  EXPECT_TRUE(far.wire.reading);
  far.ends();
  EXPECT_TRUE(far.wire.closed);
  EXPECT_TRUE(backend(0).wire.closed);
}

TEST_F(AClient, ThatAsksOnceIsWatchedWhileItQueues) {
  server().connects = FakeNetwork::Connects::when_told;
  Far& far = client_with(last_get);
  EXPECT_TRUE(far.wire.reading);
  far.ends();
  EXPECT_TRUE(far.wire.closed);
  EXPECT_EQ(waiting(), 0U);
}

// Old clients send an empty line behind a body that they do not count.
TEST_F(AClient, ThatSentMoreThanItsLastBodyIsNotReset) {
  served_client();
  Far& far =
      client_with("POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 1\r\n\r\nx");
  far.wire.arrived = "\r\n";
  backend(0).sends(ok);
  EXPECT_EQ(far.got(), last_ok);
  far.ends();
  EXPECT_TRUE(far.wire.closed);
  EXPECT_FALSE(far.wire.reset_seen);
}

TEST_F(AClient, ThatPipelinesBehindItsLastRequestIsNotReset) {
  Far& far = client();
  far.sends(std::string(last_get) + std::string(get));
  backend(0).sends(ok);
  EXPECT_EQ(far.got(), last_ok);
  EXPECT_TRUE(far.wire.end_seen);
  EXPECT_FALSE(far.wire.closed);
  far.ends();
  EXPECT_TRUE(far.wire.closed);
  EXPECT_FALSE(far.wire.reset_seen);
  EXPECT_EQ(counters().requests, 1U);
}

TEST_F(AClient, IsToldOfItsLastRequest) {
  listener.max_requests = 2;
  Far& far = client();
  far.sends(get);
  backend(0).sends(ok);
  EXPECT_EQ(far.got(), ok);
  far.sends(get);
  backend(0).sends(ok);
  EXPECT_EQ(far.got(), last_ok);
  EXPECT_FALSE(far.open());
}

TEST_F(AClient, WhoseRequestIsRefusedIsAnsweredAndLeftBehind) {
  Far& far = client();
  far.sends("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n" + std::string(get));
  EXPECT_THAT(far.got(), StartsWith("HTTP/1.1 400 Bad Request\r\n"));
  EXPECT_TRUE(far.wire.end_seen);
  EXPECT_EQ(backends(), 0U);
  EXPECT_EQ(counters().requests, 0U);
}

TEST_F(AClient, WithAHeadOverItsLimitGets431) {
  Far& far = client();
  far.sends("GET / HTTP/1.1\r\nHost: a\r\nX: " + std::string(20'000, 'x'));
  EXPECT_THAT(far.got(), StartsWith("HTTP/1.1 431 "));
}

TEST_F(AClient, MayStillSendWhileItsRefusalIsOnTheWayButNotForEver) {
  Far& far = client();
  far.sends("BAD\r\n\r\n");
  far.sends(std::string(60 * 1024, 'x'));
  EXPECT_TRUE(far.wire.reading);
  far.sends(std::string(5 * 1024, 'x'));
  EXPECT_FALSE(far.wire.reading);  // it may still read, in peace
  far.sends("more");
  EXPECT_FALSE(far.wire.closed);
  advance(2s + 10ms);
  EXPECT_TRUE(far.wire.closed);
}

TEST_F(AClient, ThatTakesItsRefusalLateIsStillClosedSoon) {
  listener.timeouts.write = 30s;
  Far& far = client();
  far.reads_nothing();
  far.sends("BAD\r\n\r\n");
  advance(10s);
  EXPECT_FALSE(far.wire.closed);
  far.reads_all();
  EXPECT_THAT(far.got(), StartsWith("HTTP/1.1 400 "));
  advance(2s + 10ms);
  EXPECT_TRUE(far.wire.closed);
  EXPECT_FALSE(far.wire.reset_seen);
}

TEST_F(AClient, ThatDoesNotGoAfterItsRefusalIsClosedSoon) {
  Far& far = client();
  far.sends("BAD\r\n\r\n");
  advance(2s - 10ms);
  EXPECT_FALSE(far.wire.closed);
  advance(20ms);
  EXPECT_TRUE(far.wire.closed);
  EXPECT_FALSE(far.wire.reset_seen);
}

TEST_F(AClient, IsPausedWhileTooMuchWaitsBehindItsRequest) {
  Far& far = client();
  std::string all;
  while (all.size() < 100'000) {
    all += get;
  }
  far.sends(all);
  EXPECT_FALSE(far.wire.reading);
  EXPECT_GT(far.wire.arrived.size(), 0U);
  const std::size_t requests = all.size() / get.size();
  for (std::size_t i = 0; i < requests; ++i) {
    backend(0).sends(ok);
  }
  EXPECT_EQ(far.got().size(), requests * ok.size());
  EXPECT_TRUE(far.wire.reading);
}

TEST_F(AClient, HoldsNothingWhileItIsIdle) {
  served_client();
  EXPECT_EQ(worker().blocks.lent(), 0U);
  EXPECT_EQ(worker().exchanges.in_use(), 0U);
}

// The deadlines of a client.
class AClientsDeadline : public ProxyTest {};

TEST_F(AClientsDeadline, ForItsFirstByteClosesIt) {
  Far& far = client();
  advance(10s - 10ms);
  EXPECT_FALSE(far.wire.closed);
  advance(20ms);
  EXPECT_TRUE(far.wire.closed);
  EXPECT_EQ(far.got(), "");
}

TEST_F(AClientsDeadline, ForItsHeadGives408HoweverOftenItSends) {
  Far& far = client();
  far.sends("GET / HTTP/1.1\r\nX: ");
  for (int i = 0; i < 9; ++i) {
    advance(1s);
    far.sends("x");
  }
  EXPECT_EQ(far.got(), "");
  advance(1s + 10ms);
  EXPECT_THAT(far.got(), StartsWith("HTTP/1.1 408 "));
  EXPECT_FALSE(far.open());
}

TEST_F(AClientsDeadline, ForALaterHeadBeginsWithItsFirstByte) {
  Far& far = served_client();
  advance(70s);
  far.sends("G");
  advance(9s);
  EXPECT_EQ(far.got(), "");
  advance(1s + 10ms);
  EXPECT_THAT(far.got(), StartsWith("HTTP/1.1 408 "));
}

TEST_F(AClientsDeadline, ForItsNextRequestClosesIt) {
  Far& far = served_client();
  advance(75s - 10ms);
  EXPECT_FALSE(far.wire.closed);
  advance(20ms);
  EXPECT_TRUE(far.wire.closed);
  EXPECT_FALSE(far.wire.reset_seen);
  EXPECT_EQ(far.got(), "");
}

TEST_F(AClientsDeadline, ForItsBodyGives408) {
  listener.limits.body_rate = 0;
  Far& far = client();
  far.sends("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc");
  advance(20s);
  far.sends("d");
  advance(20s);
  EXPECT_EQ(far.got(), "");
  advance(10s + 10ms);
  EXPECT_THAT(far.got(), StartsWith("HTTP/1.1 408 "));
  EXPECT_TRUE(backend(0).wire.closed);
}

TEST_F(AClientsDeadline, ForABodyThatIsCollectedGives408) {
  upstream.protocol = ProtocolChoice::http10;
  Far& far = client();
  far.sends("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
  advance(30s + 10ms);
  EXPECT_THAT(far.got(), StartsWith("HTTP/1.1 408 "));
  EXPECT_EQ(backends(), 0U);
}

TEST_F(AClientsDeadline, DoesNotRunWhileItsAnswerIsAwaited) {
  upstream.timeouts.response = 10min;
  Far& far = client();
  far.sends(get);
  advance(9min);
  backend(0).sends(ok);
  EXPECT_EQ(far.got(), ok);
}

TEST_F(AClientsDeadline, DoesNotRunWhileItsBackendIsTheSlowOne) {
  upstream.timeouts.write = 10min;
  Far& far = served_client();
  backend(0).reads_nothing();
  far.sends("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc");
  advance(5min);
  EXPECT_EQ(far.got(), "");
  EXPECT_TRUE(far.open());
  backend(0).reads_all();
  far.sends("defghij");
  EXPECT_THAT(backend(0).got(), EndsWith("abcdefghij"));
}

TEST_F(AClientsDeadline, OfZeroIsNone) {
  listener.timeouts = {0s, 0s, 0s, 0s};
  Far& far = client();
  advance(1h);
  far.sends("GET / HTTP/1.1\r\n");
  advance(1h);
  far.sends("Host: a\r\n\r\n");
  backend(0).sends(ok);
  EXPECT_EQ(far.got(), ok);
  advance(1h);
  EXPECT_TRUE(far.open());
}

// A client that sends end of stream while it is served.
class AHalfClose : public ProxyTest {};

TEST_F(AHalfClose, MeansThatTheClientHasLeft) {
  Far& far = client();
  far.sends(get);
  far.ends();
  EXPECT_TRUE(far.wire.closed);
  EXPECT_EQ(far.got(), "");
}

TEST_F(AHalfClose, IsServedIfSoConfigured) {
  listener.half_close = HalfClose::serve;
  Far& far = client();
  far.sends(get);
  far.ends();
  EXPECT_FALSE(far.wire.closed);
  backend(0).sends(ok);
  EXPECT_EQ(far.got(), ok);
  EXPECT_TRUE(far.wire.closed);
  EXPECT_FALSE(far.wire.reset_seen);
  EXPECT_EQ(endpoint().pool().idle(), 1U);
}

TEST_F(AHalfClose, IsServedForAllThatWasPipelined) {
  listener.half_close = HalfClose::serve;
  Far& far = client();
  far.sends(get_of("/1") + get_of("/2") + "GET /3 HTTP/1.1\r\nHo");
  far.ends();
  backend(0).sends(ok_of("1"));
  backend(0).sends(ok_of("2"));
  EXPECT_EQ(far.got(), ok_of("1") + ok_of("2"));
  EXPECT_TRUE(far.wire.closed);
}

TEST_F(AHalfClose, IsServedInTheQueue) {
  listener.half_close = HalfClose::serve;
  server().connects = FakeNetwork::Connects::when_told;
  Far& far = client();
  far.sends(post_of("body"));
  far.ends();
  backend(0).accepts();
  EXPECT_THAT(backend(0).got(), EndsWith("body"));
  backend(0).sends(ok);
  EXPECT_EQ(far.got(), ok);
  EXPECT_TRUE(far.wire.closed);
}

TEST_F(AHalfClose, InTheMiddleOfARequestEndsIt) {
  listener.half_close = HalfClose::serve;
  Far& far = client();
  far.sends("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc");
  far.ends();
  EXPECT_TRUE(far.wire.closed);
  EXPECT_TRUE(backend(0).wire.closed);
}

TEST_F(AHalfClose, InTheMiddleOfAHeadEndsIt) {
  listener.half_close = HalfClose::serve;
  Far& far = client();
  far.sends("GET / HTTP/1.1\r\nHo");
  far.ends();
  EXPECT_TRUE(far.wire.closed);
  EXPECT_EQ(errors(ErrorCode::client_left), 0U);
}

TEST_F(AHalfClose, OfASlowClientStillGetsAllOfTheAnswer) {
  listener.half_close = HalfClose::serve;
  Far& far = client();
  far.sends(get);
  far.ends();
  far.reads_nothing();
  backend(0).sends(ok);
  far.reads_all();
  EXPECT_EQ(far.got(), ok);
  EXPECT_FALSE(far.open());
}

TEST_F(AHalfClose, ThatComesBehindTheAnswerStillLeavesTimeToReadIt) {
  listener.half_close = HalfClose::serve;
  Far& far = client();
  far.sends(get);
  far.reads_nothing();
  backend(0).sends(ok);
  far.ends();
  far.reads_all();
  EXPECT_EQ(far.got(), ok);
  EXPECT_FALSE(far.open());
}

// Draining, as a client sees it.
class ADrain : public ProxyTest {};

TEST_F(ADrain, LetsAnIdleClientGo) {
  Far& far = served_client();
  worker().drain();
  settle();
  EXPECT_TRUE(far.wire.end_seen);
  far.ends();
  EXPECT_TRUE(far.wire.closed);
  EXPECT_FALSE(far.wire.reset_seen);
}

TEST_F(ADrain, LetsAnIdleClientGoThatDoesNotClose) {
  Far& far = served_client();
  worker().drain();
  advance(2s + 10ms);
  EXPECT_TRUE(far.wire.closed);
}

TEST_F(ADrain, GivesANewClientAMomentToAsk) {
  Far& far = client();
  worker().drain();
  far.sends(get);
  backend(0).sends(ok);
  EXPECT_THAT(far.got(), HasSubstr("Connection: close\r\n"));
  EXPECT_FALSE(far.open());
}

TEST_F(ADrain, ClosesANewClientThatDoesNotAsk) {
  Far& far = client();
  worker().drain();
  advance(1s + 10ms);
  EXPECT_TRUE(far.wire.closed);
}

TEST_F(ADrain, FinishesWhatIsUnderWay) {
  Far& far = client();
  far.sends(get);
  worker().drain();
  backend(0).sends(ok);
  EXPECT_THAT(far.got(), HasSubstr("Connection: close\r\n"));
  EXPECT_FALSE(far.open());
  EXPECT_EQ(endpoint().pool().idle(), 0U);
}

TEST_F(ADrain, FinishesAnAnswerThatHadBegun) {
  Far& far = client();
  far.sends(get);
  backend(0).sends("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nab");
  worker().drain();
  backend(0).sends("cd");
  EXPECT_THAT(far.got(), EndsWith("abcd"));
  EXPECT_TRUE(far.wire.end_seen);
}

TEST_F(ADrain, ServesThoseWhoWait) {
  upstream.pool.max_connections = 1;
  Far& one = client();
  Far& other = client();
  one.sends(get);
  other.sends(get);
  worker().drain();
  backend(0).sends(ok);
  backend(0).sends(ok);
  EXPECT_THAT(one.got(), EndsWith("ok"));
  EXPECT_THAT(other.got(), EndsWith("ok"));
  EXPECT_EQ(endpoint().pool().idle(), 0U);
}

TEST_F(ADrain, LetsIdleConnectionsGo) {
  served_client();
  worker().drain();
  EXPECT_EQ(retired(Retirement::shutdown), 1U);
  settle();
  EXPECT_TRUE(backend(0).wire.closed);
}

TEST_F(ADrain, KeepsNoConnectionThatNobodyWaitsFor) {
  server().connects = FakeNetwork::Connects::when_told;
  Far& far = client();
  far.sends(get);
  far.ends();
  worker().drain();
  backend(0).accepts();
  EXPECT_TRUE(backend(0).wire.closed);
  EXPECT_EQ(endpoint().pool().size(), 0U);
}

}  // namespace
}  // namespace holdfast
