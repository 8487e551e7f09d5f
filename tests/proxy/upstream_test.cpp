#include "proxy/upstream.h"

#include <vector>

#include "proxy/fake_world.h"

namespace holdfast {
namespace {

using testing::ElementsAre;
using testing::StartsWith;

// An upstream of three servers. A test calls them 1, 2 and 3.
class ThreeServers : public ProxyTest {
 protected:
  static constexpr int nobody = 0;

  ThreeServers() { upstream.servers = {"10.0.0.1:80", "10.0.0.2:80", "10.0.0.3:80"}; }

  FakeNetwork::Policy& server(int number) {
    return ProxyTest::server(upstream.servers.at(number - 1));
  }
  const Health& health(int number) {
    return endpoint(static_cast<std::size_t>(number) - 1).health();
  }

  // A new client asks; who got the request, if anybody did. A request that nobody got is answered
  // or waits.
  int ask(std::string_view request = get) {
    client_ = &client();
    client_->sends(request);
    for (std::size_t i = 0; i < backends(); ++i) {
      if (!backend(i).got().empty()) {
        asked_ = &backend(i);
        return number_of(asked_->wire);
      }
    }
    asked_ = nullptr;
    return nobody;
  }
  // Whoever was asked answers.
  void answer() {
    asked_->sends(ok);
    EXPECT_EQ(client_->got(), ok);
  }
  int ask_and_answer() {
    const int server = ask();
    EXPECT_NE(server, nobody) << client_->got();
    if (server != nobody) {
      answer();
    }
    return server;
  }
  std::vector<int> ask_and_answer(int times) {
    std::vector<int> asked(4);
    for (int i = 0; i < times; ++i) {
      ++asked[static_cast<std::size_t>(ask_and_answer())];
    }
    return asked;
  }
  // Connection attempts to a server so far.
  int attempts(int number) {
    int made = 0;
    for (const Wire& wire : network.backends()) {
      made += number_of(wire) == number ? 1 : 0;
    }
    return made;
  }
  Far& last_attempt(int number) {
    for (std::size_t i = backends(); i-- > 0;) {
      if (number_of(backend(i).wire) == number) {
        return backend(i);
      }
    }
    check(false, "there was no attempt");
    return backend(0);
  }
  // Server 1 is set aside, while the others serve.
  void lose_the_first() {
    server(1).refuses_later = ECONNREFUSED;
    ask_and_answer(3);
    ASSERT_FALSE(health(1).serving());
  }

  Far* client_ = nullptr;

 private:
  static int number_of(const Wire& wire) { return wire.address.at(7) - '0'; }

  Far* asked_ = nullptr;
};

TEST_F(ThreeServers, TakeTurns) {
  upstream.balance = Balance::round_robin;
  EXPECT_THAT(ask_and_answer(30), ElementsAre(0, 10, 10, 10));
  EXPECT_EQ(backends(), 3U);
}

TEST_F(ThreeServers, TakeWhatTheQueueOfAnotherHasNoRoomFor) {
  upstream.balance = Balance::round_robin;
  upstream.pool.max_connections = 1;
  upstream.queue.max = 1;
  EXPECT_EQ(ask(), 1);  // and does not answer
  ask_and_answer(2);
  EXPECT_EQ(ask(), nobody);  // waits for server 1
  ask_and_answer(2);
  EXPECT_EQ(ask_and_answer(), 2);  // it was the turn of server 1
  EXPECT_EQ(counters().failovers, 1U);
  EXPECT_EQ(errors(ErrorCode::queue_full), 0U);
}

TEST_F(ThreeServers, RefuseWhatNoQueueHasRoomFor) {
  upstream.balance = Balance::round_robin;
  upstream.pool.max_connections = 1;
  upstream.queue.max = 1;
  for (int i = 0; i < 6; ++i) {
    static_cast<void>(ask());
    EXPECT_EQ(client_->got(), "");
  }
  EXPECT_EQ(ask(), nobody);
  EXPECT_THAT(client_->got(), StartsWith("HTTP/1.1 503 "));
  EXPECT_EQ(errors(ErrorCode::queue_full), 1U);
}

TEST_F(ThreeServers, AreNotTriedForWantOfRoomWhileTheyAreSetAside) {
  upstream.balance = Balance::round_robin;
  upstream.pool.max_connections = 1;
  upstream.queue.max = 1;
  lose_the_first();
  const int before = attempts(1);
  for (int i = 0; i < 4; ++i) {
    static_cast<void>(ask());
  }
  EXPECT_EQ(ask(), nobody);
  EXPECT_THAT(client_->got(), StartsWith("HTTP/1.1 503 "));
  EXPECT_EQ(attempts(1), before);
}

TEST_F(ThreeServers, ShareEquallyWhileTheyAreIdle) {
  EXPECT_THAT(ask_and_answer(30), ElementsAre(0, 10, 10, 10));
  EXPECT_EQ(backends(), 3U);
}

TEST_F(ThreeServers, GetLessTheBusierTheyAre) {
  EXPECT_EQ(ask(), 1);  // and does not answer
  EXPECT_THAT(ask_and_answer(20), ElementsAre(0, 0, 10, 10));
}

TEST_F(ThreeServers, ShareWhatWaitsForAConnection) {
  upstream.pool.max_connections = 1;
  for (int i = 0; i < 30; ++i) {
    static_cast<void>(ask());
  }
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(endpoint(i).load(), 10U);
  }
}

TEST_F(ThreeServers, DrawnAtRandomAllGetTheirShare) {
  upstream.balance = Balance::random_two;
  const std::vector<int> asked = ask_and_answer(300);
  for (const int server : {1, 2, 3}) {
    EXPECT_NEAR(asked[static_cast<std::size_t>(server)], 100, 30);
  }
}

TEST_F(ThreeServers, GetNothingWhileTheyAreSetAside) {
  lose_the_first();
  EXPECT_THAT(ask_and_answer(20), ElementsAre(0, 0, 10, 10));
  EXPECT_EQ(attempts(1), 1);
  EXPECT_EQ(counters().failovers, 1U);
}

TEST_F(ThreeServers, AreTriedWithAConnectionThatNobodyWaitsFor) {
  lose_the_first();
  server(1) = {.connects = FakeNetwork::Connects::when_told};
  advance(1s);
  EXPECT_THAT(ask_and_answer(20), ElementsAre(0, 0, 10, 10));
  EXPECT_EQ(attempts(1), 2);
  EXPECT_EQ(waiting(), 0U);
}

TEST_F(ThreeServers, AreThenTriedWithOneRequestWhoseAnswerPutsThemBack) {
  lose_the_first();
  server(1) = {.connects = FakeNetwork::Connects::when_told};
  advance(1s);
  EXPECT_NE(ask_and_answer(), 1);
  last_attempt(1).accepts();
  ASSERT_EQ(ask(), 1);
  Far& trial = *client_;
  EXPECT_THAT(ask_and_answer(10), ElementsAre(0, 0, 5, 5));
  EXPECT_FALSE(health(1).serving());
  last_attempt(1).sends(ok);
  EXPECT_EQ(trial.got(), ok);
  EXPECT_TRUE(health(1).serving());
  EXPECT_THAT(ask_and_answer(30), ElementsAre(0, 10, 10, 10));
  EXPECT_EQ(attempts(1), 2);
}

TEST_F(ThreeServers, AreTriedLessAndLessOften) {
  lose_the_first();
  std::vector<TimePoint> tried;
  const TimePoint end = clock.now() + 20s;
  for (int before = attempts(1); clock.now() < end; before = attempts(1)) {
    ask_and_answer();
    if (attempts(1) != before) {
      tried.push_back(clock.now());
    }
    advance(20ms);
  }
  ASSERT_GE(tried.size(), 5U);
  for (std::size_t i = 3; i < tried.size(); ++i) {
    EXPECT_GE(tried[i] - tried[i - 1], 2s);
    EXPECT_LE(tried[i] - tried[i - 1], 4s + 40ms);
  }
  EXPECT_EQ(counters().failovers, 1U);
}

TEST_F(ThreeServers, AreTriedAgainIfTheOneRequestIsGivenUp) {
  lose_the_first();
  server(1) = {};
  advance(1s);
  EXPECT_NE(ask_and_answer(), 1);
  ASSERT_EQ(ask(), 1);
  client_->resets();
  EXPECT_NE(ask_and_answer(), 1);
  advance(1s);
  EXPECT_NE(ask_and_answer(), 1);
  EXPECT_EQ(ask_and_answer(), 1);
  EXPECT_TRUE(health(1).serving());
}

TEST_F(ThreeServers, AreTriedAgainIfNobodyAsksUntilTheTrialsConnectionIsGone) {
  lose_the_first();
  server(1) = {};
  advance(1s);
  EXPECT_NE(ask_and_answer(), 1);
  advance(2min);
  EXPECT_NE(ask_and_answer(), 1);
  EXPECT_EQ(attempts(1), 3);
  EXPECT_EQ(ask_and_answer(), 1);
}

TEST_F(ThreeServers, AreAllTriedIfAllRefuseButOnlyOnceForARequest) {
  for (const int number : {1, 2, 3}) {
    server(number).refuses_later = ECONNREFUSED;
  }
  EXPECT_EQ(ask(), nobody);
  EXPECT_THAT(client_->got(), StartsWith("HTTP/1.1 503 "));
  EXPECT_EQ(errors(ErrorCode::connect_refused), 1U);
  for (const int number : {1, 2, 3}) {
    EXPECT_EQ(attempts(number), 1);
  }
}

TEST_F(ThreeServers, AreNotGivenUpWhenAllAreSetAside) {
  for (const int number : {1, 2, 3}) {
    server(number).refuses_later = ECONNREFUSED;
  }
  for (int i = 0; i < 100; ++i) {
    EXPECT_EQ(ask(), nobody);
    advance(20ms);
  }
  server(2) = {};
  advance(1s);
  EXPECT_EQ(ask_and_answer(), 2);
  EXPECT_TRUE(health(2).serving());
  EXPECT_EQ(ask_and_answer(), 2);
}

TEST_F(ThreeServers, AreTriedFromTheLeastRecentlyFailedOnWhenAllAreSetAside) {
  upstream.balance = Balance::round_robin;
  for (const int number : {3, 1, 2}) {
    server(number) = {.connects = FakeNetwork::Connects::when_told};
  }
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(ask(), nobody);
  }
  for (const int number : {3, 1, 2}) {
    last_attempt(number).accepts(EHOSTUNREACH);
    advance(10ms);
    EXPECT_FALSE(health(number).serving());
  }
  EXPECT_EQ(worker().upstream.choose(), &endpoint(2));
}

TEST_F(ThreeServers, AreNotBlamedForAShortageOfThisMachine) {
  for (const int system : {EADDRNOTAVAIL, EMFILE, ENOBUFS, EACCES}) {
    server(1).refuses_later = system;
    for (int i = 0; i < 12; ++i) {
      static_cast<void>(ask());
      advance(200ms);
    }
  }
  EXPECT_TRUE(health(1).serving());
  EXPECT_FALSE(health(1).last_error().has_value());
  server(1) = {};
  advance(2s);
}

TEST_F(ThreeServers, AreNotBlamedForAShortageInATrial) {
  lose_the_first();
  const Duration pause = health(1).pause();
  server(1).refuses_later = EADDRNOTAVAIL;
  advance(1s);
  EXPECT_NE(ask_and_answer(), 1);
  EXPECT_EQ(attempts(1), 2);
  server(1) = {};
  advance(150ms);
  EXPECT_NE(ask_and_answer(), 1);
  EXPECT_EQ(attempts(1), 3);
  EXPECT_EQ(health(1).pause(), pause);
  EXPECT_EQ(ask_and_answer(), 1);
}

TEST_F(ThreeServers, SendThoseWhoWaitToTheOthersWhenOneIsSetAside) {
  ASSERT_EQ(ask(), 1);  // it has stopped, with a connection that hangs
  server(1) = {.connects = FakeNetwork::Connects::when_told};
  std::vector<Far*> stuck;
  for (int i = 0; i < 20; ++i) {
    if (ask() == nobody) {
      stuck.push_back(client_);
    }
  }
  ASSERT_GE(stuck.size(), 4U);
  EXPECT_EQ(endpoint(0).load(), stuck.size() + 1);
  advance(3s);
  EXPECT_FALSE(health(1).serving());
  EXPECT_EQ(health(1).last_error()->code, ErrorCode::connect_timeout);
  EXPECT_EQ(endpoint(0).load(), 1U);
  EXPECT_EQ(endpoint(1).load() + endpoint(2).load(), 20U);
}

TEST_F(ThreeServers, AreSetAsideIfTheyTakeRequestsAndSayNothing) {
  upstream.balance = Balance::round_robin;
  for (int lost = 0; lost < 5; ++lost) {
    EXPECT_TRUE(health(1).serving());
    ASSERT_EQ(ask(), 1);
    last_attempt(1).ends();
    EXPECT_THAT(client_->got(), StartsWith("HTTP/1.1 502 "));
    EXPECT_THAT(ask_and_answer(2), ElementsAre(0, 0, 1, 1));
  }
  EXPECT_FALSE(health(1).serving());
  EXPECT_THAT(ask_and_answer(20), ElementsAre(0, 0, 10, 10));
  advance(1s);
  EXPECT_NE(ask_and_answer(), 1);  // the trial's connection is opened
  EXPECT_EQ(ask_and_answer(), 1);
  EXPECT_TRUE(health(1).serving());
}

TEST_F(ThreeServers, AreNotBlamedForOldConnectionsThatEnd) {
  upstream.balance = Balance::round_robin;
  for (int i = 0; i < 20; ++i) {
    ask_and_answer(3);
    ASSERT_EQ(ask(post_of("once")), 1);
    last_attempt(1).ends();
    EXPECT_THAT(client_->got(), StartsWith("HTTP/1.1 502 "));
    ask_and_answer(2);
  }
  EXPECT_TRUE(health(1).serving());
}

TEST_F(ThreeServers, AreTriedByTheRequestItselfIfOtherWorkersHaveAllPermits) {
  worker_count = 2;
  upstream.pool.max_connections = 1;
  lose_the_first();
  server(1) = {};
  Far* other = nullptr;  // of the other worker
  while (attempts(1) < 2) {
    other = &client(1);
    other->sends(get);
  }
  for (std::size_t i = 0; i < backends(); ++i) {
    static_cast<void>(backend(i).got());
  }
  advance(1s);
  ASSERT_EQ(ask(get_of("/trial")), nobody);
  last_attempt(1).sends(ok);
  EXPECT_EQ(other->got(), ok);
  EXPECT_THAT(last_attempt(1).got(), StartsWith("GET /trial "));
  last_attempt(1).sends(ok);
  EXPECT_EQ(client_->got(), ok);
  EXPECT_TRUE(health(1).serving());
}

}  // namespace
}  // namespace holdfast
