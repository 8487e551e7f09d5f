#include "pool/pool.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <utility>
#include <vector>

#include "pool/pooled_connection.h"

namespace holdfast {
namespace {

class PoolTest : public testing::Test {
 protected:
  ~PoolTest() override {
    for (PooledConnection* connection : {&a, &b, &c}) {
      empty(pool, *connection);
    }
  }

  static constexpr PoolLimits limits{.max_connections = 8,
                                     .max_idle = 2,
                                     .max_requests = 3,
                                     .idle_timeout = 10s,
                                     .max_age = 1000s};
  static constexpr std::uint64_t no_jitter = 1000;

  void open(PooledConnection& connection) {
    pool.start(connection);
    pool.connected(connection, now, no_jitter);
  }
  void open_and_lease(PooledConnection& connection) {
    open(connection);
    ASSERT_EQ(pool.lease(), &connection);
  }
  Retirement give_back(PooledConnection& connection) {
    return pool.give_back(connection, {.reusable = true}, now);
  }
  Retirement use_once(PooledConnection& connection) {
    EXPECT_EQ(pool.lease(), &connection);
    return give_back(connection);
  }
  void advance(Duration by) { now += by; }

  void expect_counts(std::size_t connecting, std::size_t leased, std::size_t idle,
                     std::size_t leaving) const {
    EXPECT_EQ(pool.connecting(), connecting);
    EXPECT_EQ(pool.leased(), leased);
    EXPECT_EQ(pool.idle(), idle);
    EXPECT_EQ(pool.leaving(), leaving);
    EXPECT_EQ(pool.size(), connecting + leased + idle + leaving);
  }

  TimePoint now{std::chrono::hours(1)};
  Pool<PooledConnection> pool{limits};
  PooledConnection a;
  PooledConnection b;
  PooledConnection c;
};

TEST_F(PoolTest, HasNothingToLeaseAtFirst) {
  EXPECT_EQ(pool.lease(), nullptr);
  expect_counts(0, 0, 0, 0);
}

TEST_F(PoolTest, DoesNotLeaseAConnectionThatIsStillConnecting) {
  pool.start(a);
  EXPECT_EQ(pool.lease(), nullptr);
  EXPECT_EQ(pool.any_connecting(), &a);
  EXPECT_EQ(a.pool_state(), PoolState::connecting);
  expect_counts(1, 0, 0, 0);
}

TEST_F(PoolTest, LeasesAConnectionOnceItIsConnected) {
  open(a);
  expect_counts(0, 0, 1, 0);
  EXPECT_EQ(pool.lease(), &a);
  EXPECT_EQ(a.pool_state(), PoolState::leased);
  expect_counts(0, 1, 0, 0);
}

TEST_F(PoolTest, LeasesAConnectionToOneAtATime) {
  open(a);
  EXPECT_EQ(pool.lease(), &a);
  EXPECT_EQ(pool.lease(), nullptr);
}

TEST_F(PoolTest, LeasesAgainWhatWasGivenBack) {
  open_and_lease(a);
  EXPECT_EQ(give_back(a), Retirement::none);
  EXPECT_EQ(pool.lease(), &a);
}

TEST_F(PoolTest, PrefersTheConnectionReturnedLast) {
  open(a);
  open(b);
  EXPECT_EQ(pool.lease(), &b);
  EXPECT_EQ(pool.lease(), &a);
  EXPECT_EQ(give_back(b), Retirement::none);
  EXPECT_EQ(give_back(a), Retirement::none);
  EXPECT_EQ(pool.newest_idle(), &a);
  EXPECT_EQ(pool.lease(), &a);
}

TEST_F(PoolTest, OffersTheOldestForExpiry) {
  open(a);
  open(b);
  EXPECT_EQ(pool.oldest_idle(), &a);
  EXPECT_EQ(use_once(b), Retirement::none);
  EXPECT_EQ(pool.oldest_idle(), &a);
}

TEST_F(PoolTest, CountsTheRequestsOfAConnection) {
  open(a);
  EXPECT_EQ(a.use().requests, 0U);
  EXPECT_EQ(use_once(a), Retirement::none);
  EXPECT_EQ(use_once(a), Retirement::none);
  EXPECT_EQ(a.use().requests, 2U);
}

TEST_F(PoolTest, RetiresAConnectionAfterItsLastRequest) {
  open(a);
  EXPECT_EQ(use_once(a), Retirement::none);
  EXPECT_EQ(use_once(a), Retirement::none);
  EXPECT_EQ(use_once(a), Retirement::max_requests);
  EXPECT_EQ(a.pool_state(), PoolState::leaving);
}

TEST_F(PoolTest, RetiresAConnectionThatGetsOldWhileLeased) {
  open_and_lease(a);
  advance(1000s);
  EXPECT_EQ(give_back(a), Retirement::max_age);
}

TEST_F(PoolTest, AgesEachConnectionByItsOwnJitter) {
  pool.start(a);
  pool.connected(a, now, 0);
  EXPECT_EQ(a.use().opened_at, now);
  EXPECT_EQ(a.use().old_at, now + 900s);
}

TEST_F(PoolTest, RetiresAReturnedConnectionBeyondTheIdleCap) {
  open_and_lease(a);
  open_and_lease(b);
  open_and_lease(c);
  EXPECT_EQ(give_back(a), Retirement::none);
  EXPECT_EQ(give_back(b), Retirement::none);
  EXPECT_EQ(give_back(c), Retirement::max_idle);
  expect_counts(0, 0, 2, 1);
}

TEST_F(PoolTest, RetiresAConnectionForTheFaultOfItsExchange) {
  open_and_lease(a);
  EXPECT_EQ(pool.give_back(a, {.fault = Retirement::client_left, .reusable = true}, now),
            Retirement::client_left);
  expect_counts(0, 0, 0, 1);
}

TEST_F(PoolTest, NeverLeasesAConnectionThatWasRetired) {
  open(a);
  pool.retire(a);
  EXPECT_EQ(pool.lease(), nullptr);
  expect_counts(0, 0, 0, 1);
}

TEST_F(PoolTest, RetiresInEveryState) {
  pool.start(a);
  pool.retire(a);
  open_and_lease(b);
  pool.retire(b);
  open(c);
  pool.retire(c);
  expect_counts(0, 0, 0, 3);
}

TEST_F(PoolTest, RetiresOnceHoweverOftenItIsAsked) {
  open(a);
  pool.retire(a);
  pool.retire(a);
  expect_counts(0, 0, 0, 1);
}

TEST_F(PoolTest, CountsALeavingConnectionUntilItIsForgotten) {
  open(a);
  pool.retire(a);
  EXPECT_EQ(pool.size(), 1U);
  pool.forget(a);
  EXPECT_EQ(pool.size(), 0U);
  EXPECT_EQ(a.pool_state(), PoolState::none);
}

TEST_F(PoolTest, ExpiresAnIdleConnectionAtItsDeadline) {
  open(a);
  const TimePoint deadline = pool.idle_deadline(a);
  EXPECT_EQ(deadline, now + limits.idle_timeout);
  EXPECT_EQ(pool.judge_idle(a, deadline - 1ns), Retirement::none);
  EXPECT_EQ(pool.judge_idle(a, deadline), Retirement::idle_timeout);
}

TEST_F(PoolTest, StartsTheIdleTimeAnewWithEachReturn) {
  open(a);
  advance(9s);
  EXPECT_EQ(use_once(a), Retirement::none);
  EXPECT_EQ(pool.idle_deadline(a), now + limits.idle_timeout);
}

TEST_F(PoolTest, GivesTheOldestIdleTheFirstDeadline) {
  open(a);
  advance(1s);
  open(b);
  EXPECT_LT(pool.idle_deadline(*pool.oldest_idle()), pool.idle_deadline(*pool.newest_idle()));
}

TEST_F(PoolTest, AdoptsAConnectionWithItsHistory) {
  const UseHistory use{
      .opened_at = now - 500s, .idle_since = now - 5s, .old_at = now + 500s, .requests = 2};
  pool.adopt(a, use);
  EXPECT_EQ(a.use().opened_at, use.opened_at);
  EXPECT_EQ(a.use().idle_since, use.idle_since);
  EXPECT_EQ(use_once(a), Retirement::max_requests);
}

TEST_F(PoolTest, StartsAConnectionWithoutAPast) {
  open(a);
  EXPECT_EQ(use_once(a), Retirement::none);
  pool.retire(a);
  pool.forget(a);
  open(a);
  EXPECT_EQ(a.use().requests, 0U);
}

TEST_F(PoolTest, NeverLeasesAPinnedConnectionButToItsClient) {
  open_and_lease(a);
  advance(1s);
  EXPECT_EQ(pool.pin(a, {.reusable = true}, now), Retirement::none);
  EXPECT_EQ(a.pool_state(), PoolState::pinned);
  EXPECT_EQ(a.use().idle_since, now);
  EXPECT_EQ(pool.lease(), nullptr);
  EXPECT_EQ(pool.newest_idle(), nullptr);
  EXPECT_EQ(pool.pinned(), 1U);
  EXPECT_EQ(pool.size(), 1U);
  pool.lease_pinned(a);
  EXPECT_EQ(a.pool_state(), PoolState::leased);
  EXPECT_EQ(a.use().requests, 2U);
}

TEST_F(PoolTest, RetiresWhatIsToBePinnedByTheSameLimits) {
  open(a);
  EXPECT_EQ(use_once(a), Retirement::none);
  EXPECT_EQ(use_once(a), Retirement::none);
  EXPECT_EQ(pool.lease(), &a);
  EXPECT_EQ(pool.pin(a, {.reusable = true}, now), Retirement::max_requests);
  EXPECT_EQ(a.pool_state(), PoolState::leaving);
}

TEST_F(PoolTest, DiesWhenAConnectionIsPinnedOrResumedThatIsNotThere) {
  open(a);
  EXPECT_DEATH((void)pool.pin(a, {.reusable = true}, now), "only a leased connection");
  EXPECT_DEATH(pool.lease_pinned(a), "only a pinned connection");
}

TEST_F(PoolTest, DiesWhenAConnectionIsGivenBackTwice) {
  open_and_lease(a);
  EXPECT_EQ(give_back(a), Retirement::none);
  EXPECT_DEATH((void)give_back(a), "only a leased connection");
}

TEST_F(PoolTest, DiesWhenAConnectionSucceedsThatNeverStarted) {
  EXPECT_DEATH(pool.connected(a, now, no_jitter), "only an attempt can succeed");
}

TEST_F(PoolTest, DiesWhenAConnectionIsForgottenBeforeItIsRetired) {
  open(a);
  EXPECT_DEATH(pool.forget(a), "only a retired connection");
}

// The pool as one would write it without caring for speed.
struct Model {
  static constexpr std::size_t connections = 6;
  struct Entry {
    PoolState state = PoolState::none;
    std::uint64_t requests = 0;
    TimePoint old_at{};
  };

  [[nodiscard]] std::size_t count(PoolState state) const {
    return static_cast<std::size_t>(std::ranges::count(entries, state, &Entry::state));
  }
  void leave_idle(std::size_t i) { std::erase(idle, i); }

  std::array<Entry, connections> entries;
  std::vector<std::size_t> idle;  // newest last
};

// One run of random operations on both, which must never differ.
class Comparison {
 public:
  explicit Comparison(const PoolLimits& limits) : limits_(limits), pool_(limits) {}
  Comparison(const Comparison&) = delete;
  Comparison& operator=(const Comparison&) = delete;
  ~Comparison() {
    for (PooledConnection& connection : connections_) {
      empty(pool_, connection);
    }
  }

  // Tries what `choice` says with connection i, if its state allows that.
  void step(unsigned choice, std::size_t i, std::uint64_t random) {
    now_ += std::chrono::milliseconds(random % 5000);
    const PoolState state = model_.entries[i].state;
    switch (choice % 10) {
      case 0:
        return state == PoolState::none ? start(i) : void();
      case 1:
        return state == PoolState::connecting ? connected(i, random) : void();
      case 2:
        return state == PoolState::leased ? give_back(i, random) : void();
      case 3:
        return state != PoolState::none && random % 4 == 0 ? retire(i) : void();
      case 4:
        return state == PoolState::leaving ? forget(i) : void();
      case 5:
        return state == PoolState::leased ? pin(i, random) : void();
      case 6:
        return state == PoolState::pinned ? lease_pinned(i) : void();
      case 7:
        return state == PoolState::idle ? rest(i) : void();
      case 8:
        return state == PoolState::resting ? wake(i) : void();
      default:
        return lease();
    }
  }

  void compare() {
    for (std::size_t i = 0; i < Model::connections; ++i) {
      RC_ASSERT(connections_[i].pool_state() == model_.entries[i].state);
    }
    RC_ASSERT(pool_.connecting() == model_.count(PoolState::connecting));
    RC_ASSERT(pool_.leased() == model_.count(PoolState::leased));
    RC_ASSERT(pool_.pinned() == model_.count(PoolState::pinned));
    RC_ASSERT(pool_.idle() == model_.idle.size());
    RC_ASSERT(pool_.resting() == model_.count(PoolState::resting));
    RC_ASSERT(pool_.leaving() == model_.count(PoolState::leaving));
    RC_ASSERT(pool_.newest_idle() ==
              (model_.idle.empty() ? nullptr : &connections_[model_.idle.back()]));
    RC_ASSERT(pool_.oldest_idle() ==
              (model_.idle.empty() ? nullptr : &connections_[model_.idle.front()]));
  }

 private:
  void start(std::size_t i) {
    pool_.start(connections_[i]);
    model_.entries[i] = {.state = PoolState::connecting};
  }
  void connected(std::size_t i, std::uint64_t random) {
    pool_.connected(connections_[i], now_, random);
    model_.entries[i].state = PoolState::idle;
    model_.entries[i].old_at = connections_[i].use().old_at;
    model_.idle.push_back(i);
  }
  void lease() {
    PooledConnection* leased = pool_.lease();
    if (model_.idle.empty()) {
      RC_ASSERT(leased == nullptr);
      return;
    }
    const std::size_t i = model_.idle.back();
    RC_ASSERT(leased == &connections_[i]);
    model_.idle.pop_back();
    model_.entries[i].state = PoolState::leased;
    ++model_.entries[i].requests;
  }
  void give_back(std::size_t i, std::uint64_t random) {
    const ReturnFacts facts{.reusable = random % 8 != 0};
    Model::Entry& entry = model_.entries[i];
    const bool stays = facts.reusable && entry.requests < limits_.max_requests &&
                       now_ < entry.old_at && model_.idle.size() < limits_.max_idle;
    const Retirement verdict = pool_.give_back(connections_[i], facts, now_);
    RC_ASSERT((verdict == Retirement::none) == stays);
    entry.state = stays ? PoolState::idle : PoolState::leaving;
    if (stays) {
      model_.idle.push_back(i);
    }
  }
  void pin(std::size_t i, std::uint64_t random) {
    const ReturnFacts facts{.reusable = random % 8 != 0};
    Model::Entry& entry = model_.entries[i];
    const bool stays =
        facts.reusable && entry.requests < limits_.max_requests && now_ < entry.old_at;
    RC_ASSERT((pool_.pin(connections_[i], facts, now_) == Retirement::none) == stays);
    entry.state = stays ? PoolState::pinned : PoolState::leaving;
  }
  void lease_pinned(std::size_t i) {
    pool_.lease_pinned(connections_[i]);
    model_.entries[i].state = PoolState::leased;
    ++model_.entries[i].requests;
  }
  void rest(std::size_t i) {
    pool_.rest(connections_[i]);
    model_.entries[i].state = PoolState::resting;
    model_.leave_idle(i);
  }
  void wake(std::size_t i) {
    pool_.wake(connections_[i]);
    model_.entries[i].state = PoolState::idle;
    model_.idle.insert(model_.idle.begin(), i);
  }
  void retire(std::size_t i) {
    pool_.retire(connections_[i]);
    model_.entries[i].state = PoolState::leaving;
    model_.leave_idle(i);
  }
  void forget(std::size_t i) {
    pool_.forget(connections_[i]);
    model_.entries[i].state = PoolState::none;
  }

  const PoolLimits limits_;
  TimePoint now_{std::chrono::hours(1)};
  Model model_;
  std::array<PooledConnection, Model::connections> connections_;
  Pool<PooledConnection> pool_;
};

using Steps = std::vector<std::pair<unsigned, std::uint64_t>>;

// A failure prints the seed and the shortest run that shows it.
RC_GTEST_PROP(PoolModel, AgreesWithASimplePoolOverAnyRun, (const Steps& steps)) {
  Comparison run({.max_idle = 3, .max_requests = 4, .idle_timeout = 10s, .max_age = 60s});
  for (const auto& [choice, random] : steps) {
    run.step(choice, random % Model::connections, random / Model::connections);
    run.compare();
  }
}

}  // namespace
}  // namespace holdfast
