#include "cli/pool_advice.h"

#include <gtest/gtest.h>

#include "config/load.h"

namespace holdfast {
namespace {

TEST(PoolAdvice, CountsConnectionsByLittlesLaw) {
  EXPECT_DOUBLE_EQ(concurrency_of(200, 50ms).mean, 10.0);
  EXPECT_EQ(concurrency_of(200, 50ms).with_room, 23U);
  EXPECT_EQ(concurrency_of(1000, 100ms).with_room, 140U);
  EXPECT_EQ(concurrency_of(1, 1s).with_room, 5U);
}

TEST(PoolAdvice, AlwaysAllowsAConnectionAndNeverMoreThanAPoolMayHave) {
  EXPECT_EQ(concurrency_of(1, 1ns).with_room, 1U);
  EXPECT_EQ(concurrency_of(100'000'000, 24h).with_room, 1'000'000U);
}

TEST(PoolAdvice, KeepsAMarginBelowTheIdleLimit) {
  const std::pair<Duration, Duration> rows[] = {
      {7s, 6s},   {5s + 3ms, 4s}, {65s, 60s},   {2s, 1500ms},  {60s, 55s}, {1s, 750ms},
      {75s, 70s}, {300s, 295s},   {7010ms, 6s}, {100ms, 50ms}, {1ms, 1ms}, {2s + 5ms, 1500ms},
  };
  for (const auto& [limit, safe] : rows) {
    EXPECT_EQ(safe_idle_timeout(limit), safe) << limit.count();
  }
}

// Whoever lets an idle connection rest until the backend closes it waits for a part of
// idle_timeout.
TEST(PoolAdvice, StaysNotFarBelowTheIdleLimit) {
  for (Duration limit = 400ms; limit < 100s; limit += 37ms) {
    EXPECT_LT(safe_idle_timeout(limit), limit);
    EXPECT_GT(safe_idle_timeout(limit), limit * 6 / 10) << limit.count();
  }
}

TEST(PoolAdvice, IsYamlThatLoads) {
  for (const std::string server : {"10.0.0.5:80", "[::1]:80", "unix:/run/a \"b\".sock"}) {
    const PoolAdvice advice{.server = server,
                            .keys = {{"max_connections", "23", "200 requests/s x 50 ms"},
                                     {"idle_timeout", "6s", "the backend closes after 7.0 s"},
                                     {"max_requests", "50", ""}}};
    const LoadOutcome outcome = load_text(
        "advice", "listeners: { web: { address: \":0\", upstream: backend } }\n" + advice.yaml());
    ASSERT_TRUE(outcome.config) << advice.yaml() << render_all(outcome, Colour::never);
    const UpstreamOptions& upstream = outcome.config->upstreams.front();
    EXPECT_EQ(upstream.servers.front(), server);
    EXPECT_EQ(upstream.pool.max_connections, 23U);
    EXPECT_EQ(upstream.pool.idle_timeout, 6s);
    EXPECT_EQ(upstream.pool.max_requests, 50U);
  }
}

}  // namespace
}  // namespace holdfast
