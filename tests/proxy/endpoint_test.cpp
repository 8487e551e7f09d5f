#include "proxy/endpoint.h"

#include <set>
#include <vector>

#include "proxy/fake_world.h"

namespace holdfast {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::StartsWith;

TEST(AConnectError, IsBlamedOnWhoIsToBlame) {
  using enum ErrorCode;
  const struct {
    int system;
    ErrorCode code;
    Side side;
  } rows[] = {
      {ECONNREFUSED, connect_refused, Side::upstream},
      {ETIMEDOUT, connect_timeout, Side::upstream},
      {EHOSTUNREACH, connect_failed, Side::upstream},
      {ENETUNREACH, connect_failed, Side::upstream},
      {ECONNRESET, connect_failed, Side::upstream},
      {EADDRNOTAVAIL, out_of_ports, Side::local},
      {EADDRINUSE, out_of_ports, Side::local},
      {EMFILE, out_of_descriptors, Side::local},
      {ENFILE, out_of_descriptors, Side::local},
      {ENOBUFS, local_failure, Side::local},
      {ENOMEM, local_failure, Side::local},
      {EACCES, local_failure, Side::local},
      {EPERM, local_failure, Side::local},
  };
  for (const auto& row : rows) {
    EXPECT_EQ(connect_error(row.system), (Error{row.code, row.side, row.system}));
  }
}

// Who gets a connection, and when.
class AQueue : public ProxyTest {
 protected:
  // A client whose request holds the only connection, backend(0).
  Far& busy_client() {
    Far& made = client();
    made.sends(get_of("/busy"));
    EXPECT_THAT(backend(0).got(), StartsWith("GET /busy "));
    return made;
  }
  AQueue() { upstream.pool.max_connections = 1; }
};

TEST_F(AQueue, ServesInTheOrderOfArrival) {
  busy_client();
  Far& second = client();
  Far& third = client();
  second.sends(get_of("/2"));
  third.sends(get_of("/3"));
  EXPECT_EQ(waiting(), 2U);
  backend(0).sends(ok);
  EXPECT_THAT(backend(0).got(), StartsWith("GET /2 "));
  backend(0).sends(ok);
  EXPECT_THAT(backend(0).got(), StartsWith("GET /3 "));
  EXPECT_EQ(backends(), 1U);
  EXPECT_EQ(shared().permits.taken(), 1U);
}

TEST_F(AQueue, GivesUpAfterItsTimeWith503) {
  busy_client();
  Far& late = client();
  late.sends(get);
  advance(5s - 10ms);
  EXPECT_EQ(late.got(), "");
  advance(20ms);
  const std::string answer = late.got();
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 503 "));
  EXPECT_THAT(answer, HasSubstr("\r\nRetry-After: 1\r\n"));
  EXPECT_EQ(waiting(), 0U);
  EXPECT_EQ(errors(ErrorCode::queue_timeout), 1U);
}

TEST_F(AQueue, WithoutATimeWaitsForEver) {
  upstream.queue.timeout = 0s;
  upstream.timeouts.response = 0s;
  busy_client();
  Far& patient = client();
  patient.sends(get);
  advance(1h);
  EXPECT_EQ(patient.got(), "");
  backend(0).sends(ok);
  backend(0).sends(ok);
  EXPECT_EQ(patient.got(), ok);
}

TEST_F(AQueue, ThatIsFullRefusesAtOnce) {
  upstream.queue.max = 1;
  busy_client();
  Far& second = client();
  Far& third = client();
  second.sends(get);
  third.sends(get);
  EXPECT_EQ(second.got(), "");
  EXPECT_THAT(third.got(), StartsWith("HTTP/1.1 503 "));
  EXPECT_EQ(errors(ErrorCode::queue_full), 1U);
}

TEST_F(AQueue, CountsNobodyWhoOnlyWaitsForAHandshake) {
  upstream.queue.max = 1;
  upstream.pool.max_connections = 3;
  server().connects = FakeNetwork::Connects::when_told;
  for (int i = 0; i < 3; ++i) {
    client().sends(get);
  }
  EXPECT_EQ(errors(ErrorCode::queue_full), 0U);
  EXPECT_EQ(backends(), 3U);
}

TEST_F(AQueue, IsServedByWhicheverComesFirst) {
  upstream.pool.max_connections = 2;
  busy_client();
  server().connects = FakeNetwork::Connects::when_told;
  Far& second = client();
  second.sends(get_of("/2"));
  EXPECT_EQ(backends(), 2U);
  backend(0).sends(ok);
  EXPECT_THAT(backend(0).got(), StartsWith("GET /2 "));
  backend(1).accepts();
  EXPECT_EQ(endpoint().pool().idle(), 1U);
}

TEST_F(AQueue, OpensNoMoreConnectionsThanRequestsWait) {
  upstream.pool.max_connections = 10;
  server().connects = FakeNetwork::Connects::when_told;
  client().sends(get);
  client().sends(get);
  EXPECT_EQ(backends(), 2U);
}

TEST_F(AQueue, NeverOpensMoreThanTheCap) {
  upstream.pool.max_connections = 3;
  for (int i = 0; i < 10; ++i) {
    client().sends(get);
  }
  EXPECT_EQ(backends(), 3U);
  EXPECT_EQ(waiting(), 7U);
}

TEST_F(AQueue, GetsAFreshConnectionWhenTheBusyOneGoes) {
  Far& busy = busy_client();
  Far& second = client();
  second.sends(get_of("/2"));
  busy.resets();
  ASSERT_EQ(backends(), 2U);
  EXPECT_THAT(backend(1).got(), StartsWith("GET /2 "));
}

TEST_F(AQueue, IsToldOnceTheBackendRefusesAll) {
  server().refuses_later = ECONNREFUSED;
  Far& far = client();
  far.sends(get);
  EXPECT_THAT(far.got(), StartsWith("HTTP/1.1 503 "));
  EXPECT_EQ(waiting(), 0U);
}

TEST_F(AQueue, StaysWhileAnotherConnectionIsAtWork) {
  upstream.pool.max_connections = 2;
  busy_client();
  server().refuses_later = ECONNREFUSED;
  Far& second = client();
  second.sends(get_of("/2"));
  EXPECT_EQ(second.got(), "");
  backend(0).sends(ok);
  EXPECT_THAT(backend(0).got(), StartsWith("GET /2 "));
}

TEST_F(AQueue, TriesAgainSoonAfterARefusal) {
  upstream.pool.max_connections = 2;
  busy_client();
  server().refuses_later = ECONNREFUSED;
  client().sends(get_of("/2"));
  EXPECT_EQ(backends(), 2U);
  server().refuses_later = 0;
  advance(40ms);
  EXPECT_EQ(backends(), 2U);
  advance(70ms);
  ASSERT_EQ(backends(), 3U);
  EXPECT_THAT(backend(2).got(), StartsWith("GET /2 "));
}

TEST_F(AQueue, SurvivesAShortageOfThisMachine) {
  server().refuses_now = EADDRNOTAVAIL;
  Far& far = client();
  far.sends(get);
  EXPECT_EQ(far.got(), "");
  server().refuses_now = 0;
  advance(120ms);
  backend(0).sends(ok);
  EXPECT_EQ(far.got(), ok);
}

TEST_F(AQueue, SurvivesAShortageThatIsFoundLater) {
  server().refuses_later = EADDRNOTAVAIL;
  Far& far = client();
  far.sends(get);
  EXPECT_EQ(far.got(), "");
  server().refuses_later = 0;
  advance(120ms);
  backend(1).sends(ok);
  EXPECT_EQ(far.got(), ok);
}

TEST_F(AQueue, GivesUpAShortageThatLasts) {
  server().refuses_now = EMFILE;
  Far& far = client();
  far.sends(get);
  advance(5s + 10ms);
  EXPECT_THAT(far.got(), StartsWith("HTTP/1.1 503 "));
  EXPECT_EQ(errors(ErrorCode::out_of_descriptors), 1U);
}

TEST_F(AQueue, PutsAReplayedRequestFirst) {
  Far& far = served_client();
  far.sends(get_of("/first"));
  client().sends(get_of("/second"));
  EXPECT_EQ(waiting(), 1U);
  backend(0).ends();
  ASSERT_EQ(backends(), 2U);
  EXPECT_THAT(backend(1).got(), StartsWith("GET /first "));
}

// A backend that lets connection attempts fail.
class AFailingBackend : public ProxyTest {
 protected:
  AFailingBackend() { server().refuses_later = ECONNREFUSED; }
  // The status that a new client gets, or 0 if it waits.
  int ask() {
    Far& far = client();
    far.sends(get);
    const std::string answer = far.got();
    return answer.empty() ? 0 : std::stoi(answer.substr(9, 3));
  }
  // When attempts were made, while somebody asks every 10 ms.
  std::vector<Duration> attempts_within(Duration time) {
    std::vector<Duration> made;
    for (Duration at = 0s; at < time; at += 10ms) {
      const std::size_t before = backends();
      EXPECT_EQ(ask(), 503);
      made.insert(made.end(), backends() - before, at);
      advance(10ms);
    }
    return made;
  }
};

TEST_F(AFailingBackend, IsAskedThreeTimesThenOnlyAfterAPause) {
  for (std::size_t attempts = 1; attempts <= 3; ++attempts) {
    EXPECT_EQ(ask(), 503);
    EXPECT_EQ(backends(), attempts);
  }
  EXPECT_EQ(ask(), 503);
  EXPECT_EQ(backends(), 3U);
  EXPECT_EQ(errors(ErrorCode::connect_refused), 4U);
  advance(110ms);
  EXPECT_EQ(ask(), 503);
  EXPECT_EQ(backends(), 4U);
  EXPECT_EQ(ask(), 503);
  EXPECT_EQ(backends(), 4U);
}

TEST_F(AFailingBackend, IsAskedMoreAndMoreSeldomUpToOnceASecond) {
  const std::vector<Duration> made = attempts_within(20s);
  EXPECT_GE(made.size(), 3U + 20);
  EXPECT_LE(made.size(), 3U + 45);
  for (std::size_t i = made.size() - 10; i < made.size(); ++i) {
    EXPECT_GE(made[i] - made[i - 1], 500ms);
    EXPECT_LE(made[i] - made[i - 1], 1020ms);
  }
}

TEST_F(AFailingBackend, IsAskedAtTimesThatHardlyRepeat) {
  const std::vector<Duration> made = attempts_within(20s);
  std::set<Duration> pauses;
  for (std::size_t i = made.size() - 10; i < made.size(); ++i) {
    pauses.insert(made[i] - made[i - 1]);
  }
  EXPECT_GE(pauses.size(), 5U);
}

TEST_F(AFailingBackend, IsAskedByOneRequestForAllOnceItMayHaveComeBack) {
  for (int i = 0; i < 4; ++i) {
    ask();
  }
  server().refuses_later = 0;
  server().connects = FakeNetwork::Connects::when_told;
  advance(110ms);
  Far& one = client();
  Far& other = client();
  one.sends(get_of("/one"));
  other.sends(get_of("/other"));
  ASSERT_EQ(backends(), 4U);
  EXPECT_EQ(waiting(), 2U);
  backend(3).accepts();
  EXPECT_THAT(backend(3).got(), StartsWith("GET /one "));
  ASSERT_EQ(backends(), 5U);  // the second one is not held back any more
  backend(4).accepts();
  EXPECT_THAT(backend(4).got(), StartsWith("GET /other "));
}

TEST_F(AFailingBackend, IsNoWorseForManyFailuresAtOnce) {
  server().connects = FakeNetwork::Connects::when_told;
  server().refuses_later = 0;
  for (int i = 0; i < 50; ++i) {
    client().sends(get);
  }
  const std::size_t attempts = backends();
  EXPECT_EQ(attempts, 16U);
  for (std::size_t i = 0; i < attempts; ++i) {
    backend(i).accepts(ECONNREFUSED);
  }
  server().connects = FakeNetwork::Connects::at_once;
  advance(110ms);
  EXPECT_EQ(ask(), 0);
  EXPECT_THAT(backend(attempts).got(), StartsWith("GET "));
}

TEST_F(AFailingBackend, IsPassedOverWhileAnotherServerWorks) {
  upstream.servers = {"10.0.0.1:80", "10.0.0.2:80"};
  for (int i = 0; i < 20; ++i) {
    EXPECT_EQ(ask(), 0);  // the other one has it
  }
  EXPECT_EQ(counters().failovers, 1U);
}

TEST_F(AFailingBackend, IsNotBlamedForAShortageOfThisMachine) {
  server().refuses_later = EADDRNOTAVAIL;
  for (int i = 0; i < 20; ++i) {
    EXPECT_EQ(ask(), 0);
  }
  EXPECT_LE(backends(), 2U);
  server().refuses_later = 0;
  advance(110ms);
  EXPECT_GE(backends(), 20U);
  EXPECT_EQ(errors(ErrorCode::out_of_ports), 0U);
}

// What ends the life of a connection that is sound.
class APooledConnection : public ProxyTest {};

TEST_F(APooledConnection, IsTheNewestOne) {
  Far& one = client();
  Far& other = client();
  one.sends(get);
  other.sends(get);
  backend(1).sends(ok);
  backend(0).sends(ok);
  static_cast<void>(backend(0).got());
  one.sends(get);
  EXPECT_THAT(backend(0).got(), StartsWith("GET "));
}

TEST_F(APooledConnection, RetiresAfterItsLastRequest) {
  upstream.pool.max_requests = 2;
  Far& far = client();
  for (const std::size_t expected : {1U, 1U, 2U}) {
    far.sends(get);
    EXPECT_EQ(backends(), expected);
    backend(expected - 1).sends(ok);
  }
  EXPECT_EQ(retired(Retirement::max_requests), 1U);
}

TEST_F(APooledConnection, RetiresIfEnoughAreIdle) {
  upstream.pool.max_idle = 1;
  client().sends(get);
  client().sends(get);
  backend(0).sends(ok);
  backend(1).sends(ok);
  EXPECT_EQ(endpoint().pool().idle(), 1U);
  EXPECT_EQ(retired(Retirement::max_idle), 1U);
}

TEST_F(APooledConnection, RestsWhenItWasIdleForTooLong) {
  upstream.pool.idle_timeout = 60s;
  served_client();
  advance(60s - 10ms);
  EXPECT_EQ(endpoint().pool().idle(), 1U);
  advance(20ms);
  EXPECT_EQ(endpoint().pool().idle(), 0U);
  EXPECT_EQ(endpoint().pool().resting(), 1U);
  advance(60s);
  EXPECT_EQ(retired(Retirement::idle_timeout), 1U);
}

TEST_F(APooledConnection, RetiresAtItsAgeGiveOrTakeATenth) {
  upstream.pool.max_age = 100s;
  upstream.pool.idle_timeout = 0s;
  served_client();
  advance(89s);
  EXPECT_EQ(endpoint().pool().idle(), 1U);
  advance(22s);
  EXPECT_EQ(retired(Retirement::max_age), 1U);
}

TEST_F(APooledConnection, IsNotCutByItsAgeInTheMiddleOfARequest) {
  upstream.pool.max_age = 10s;
  Far& far = client();
  far.sends(get);
  advance(20s);
  backend(0).sends(ok);
  EXPECT_EQ(far.got(), ok);
  EXPECT_EQ(retired(Retirement::max_age), 1U);
}

TEST_F(APooledConnection, IsNotUsedWhenTheLoopIsTooLateToRetireIt) {
  Far& far = served_client();
  clock.set(clock.now() + 61s);  // the wheel has not turned yet
  far.sends(get);
  EXPECT_EQ(retired(Retirement::idle_timeout), 1U);
  EXPECT_EQ(backends(), 2U);
  backend(1).sends(ok);
  EXPECT_EQ(far.got(), ok);
}

TEST_F(APooledConnection, GoesWhenItsBackendCloses) {
  served_client();
  backend(0).ends();
  EXPECT_EQ(retired(Retirement::ended_while_idle), 1U);
  EXPECT_TRUE(backend(0).wire.closed);
  EXPECT_EQ(shared().permits.taken(), 0U);
}

TEST_F(APooledConnection, GoesWhenItIsReset) {
  served_client();
  backend(0).resets();
  EXPECT_EQ(retired(Retirement::ended_while_idle), 1U);
}

TEST_F(APooledConnection, GoesWhenItSpeaksUnasked) {
  Far& far = served_client();
  backend(0).sends(ok_of("foreign"));
  EXPECT_EQ(retired(Retirement::spoke_while_idle), 1U);
  far.sends(get);
  backend(1).sends(ok);
  EXPECT_EQ(far.got(), ok);
}

TEST_F(APooledConnection, IsLookedAtBeforeItIsLeased) {
  Far& far = served_client();
  let_turns_pass();
  backend(0).wire.arrived = ok_of("foreign");  // the loop reads the client first
  far.sends(get);
  EXPECT_EQ(retired(Retirement::stale), 1U);
  backend(1).sends(ok);
  EXPECT_EQ(far.got(), ok);
}

// A fake answer that came with the last one's turn is read before the next lease can ask for one.
TEST_F(APooledConnection, NeverGivesTheNextClientWhatItSpokeUnasked) {
  Far& one = client();
  Far& other = client();
  one.sends(get);
  backend(0).wire.arrived = std::string(ok) + ok_of("foreign");
  other.sends(get);
  EXPECT_EQ(one.got(), ok);
  EXPECT_EQ(other.got(), "");
}

TEST_F(APooledConnection, LetsABackendThatWillCloseDoSoFirst) {
  Far& far = client();
  far.sends(get);
  backend(0).sends("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok");
  EXPECT_EQ(far.got(), ok);
  EXPECT_EQ(retired(Retirement::closed_by_backend), 1U);
  EXPECT_FALSE(backend(0).wire.closed);
  EXPECT_EQ(shared().permits.taken(), 1U);
  backend(0).ends();
  EXPECT_TRUE(backend(0).wire.closed);
  EXPECT_EQ(shared().permits.taken(), 0U);
}

TEST_F(APooledConnection, WaitsOneSecondForABackendThatSaidItWillClose) {
  Far& far = client();
  far.sends(get);
  backend(0).sends("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok");
  advance(1s - 10ms);
  EXPECT_FALSE(backend(0).wire.closed);
  advance(20ms);
  EXPECT_TRUE(backend(0).wire.closed);
}

}  // namespace
}  // namespace holdfast
