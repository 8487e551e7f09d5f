// Connections that only wait for the backend to close them, and requests that are the last of their
// connection.

#include <gtest/gtest.h>

#include "pool/pool.h"
#include "pool/pooled_connection.h"

namespace holdfast {
namespace {

class RestingTest : public testing::Test {
 protected:
  ~RestingTest() override {
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

  explicit RestingTest(LastRequest last = LastRequest::silent) : pool(limits, last) {}

  void open(PooledConnection& connection) {
    pool.start(connection);
    pool.connected(connection, now, no_jitter);
  }
  void open_and_lease(PooledConnection& connection) {
    open(connection);
    ASSERT_EQ(pool.lease(), &connection);
  }
  Retirement give_back(PooledConnection& connection, ReturnFacts facts = {.reusable = true}) {
    return pool.give_back(connection, facts, now);
  }
  Retirement use_once(PooledConnection& connection) {
    EXPECT_EQ(pool.lease(now), &connection);
    return give_back(connection);
  }

  TimePoint now{std::chrono::hours(1)};
  Pool<PooledConnection> pool;
  PooledConnection a;
  PooledConnection b;
  PooledConnection c;
};

TEST_F(RestingTest, DoesNotLeaseARestingConnection) {
  open(a);
  pool.rest(a);
  EXPECT_EQ(a.pool_state(), PoolState::resting);
  EXPECT_EQ(pool.lease(), nullptr);
  EXPECT_EQ(pool.resting(), 1U);
  EXPECT_EQ(pool.size(), 1U);
  EXPECT_EQ(pool.oldest_resting(), &a);
}

TEST_F(RestingTest, LeasesAWokenConnectionAfterAllOthers) {
  open(a);
  pool.rest(a);
  open(b);
  pool.wake(a);
  EXPECT_EQ(pool.resting(), 0U);
  EXPECT_EQ(pool.lease(), &b);
  EXPECT_EQ(pool.lease(), &a);
}

TEST_F(RestingTest, DoesNotCountRestingOnesAgainstMaxIdle) {
  open(a);
  open(b);
  pool.rest(a);
  pool.rest(b);
  open_and_lease(c);
  EXPECT_EQ(give_back(c), Retirement::none);
}

TEST_F(RestingTest, DiesWhenAConnectionRestsOrWakesThatIsNotThere) {
  open_and_lease(a);
  EXPECT_DEATH(pool.rest(a), "only an idle connection");
  EXPECT_DEATH(pool.wake(a), "only a resting connection");
}

TEST_F(RestingTest, FollowsALearnedIdleTimeout) {
  open(a);
  pool.limit_idle(3s);
  EXPECT_EQ(pool.idle_deadline(a), now + 3s);
  EXPECT_EQ(pool.judge_idle(a, now + 3s), Retirement::idle_timeout);
}

TEST_F(RestingTest, MarksTheLastRequestOfALearnedLimit) {
  open(a);
  pool.limit_requests(2);
  EXPECT_EQ(use_once(a), Retirement::none);
  EXPECT_EQ(pool.lease(), &a);
  EXPECT_EQ(a.use().last_for, Retirement::request_limit);
  EXPECT_EQ(give_back(a), Retirement::request_limit);
}

TEST_F(RestingTest, LetsOneTryBeyondALearnedLimit) {
  open(a);
  pool.limit_requests(1);
  EXPECT_EQ(pool.lease(), &a);
  pool.try_beyond(a);
  EXPECT_EQ(give_back(a), Retirement::none);
  EXPECT_EQ(use_once(a), Retirement::request_limit);
}

// A pool whose connections say so in their last request.
class AnnouncingTest : public RestingTest {
 protected:
  AnnouncingTest() : RestingTest(LastRequest::announced) {}
};

TEST_F(AnnouncingTest, MarksTheLastRequestOfMaxRequests) {
  open(a);
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(pool.lease(now), &a);
    EXPECT_EQ(a.use().last_for, Retirement::none);
    EXPECT_EQ(give_back(a), Retirement::none);
  }
  EXPECT_EQ(pool.lease(now), &a);
  EXPECT_EQ(a.use().last_for, Retirement::max_requests);
  EXPECT_EQ(give_back(a, {.reusable = false}), Retirement::max_requests);
}

TEST_F(AnnouncingTest, MarksTheLastRequestBeforeMaxAge) {
  open(a);
  EXPECT_EQ(a.use().last_at, now + 950s);
  now += 950s;
  EXPECT_EQ(pool.lease(now), &a);
  EXPECT_EQ(give_back(a, {.fault = Retirement::close_delimited}), Retirement::max_age);
}

TEST_F(AnnouncingTest, StillBlamesAFaultOfTheLastRequest) {
  open(a);
  now += 950s;
  EXPECT_EQ(pool.lease(now), &a);
  EXPECT_EQ(give_back(a, {.fault = Retirement::extra_bytes}), Retirement::extra_bytes);
}

}  // namespace
}  // namespace holdfast
