#include "server/descriptors.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

namespace holdfast {
namespace {

Config config_of(std::vector<std::uint32_t> listeners, std::vector<std::uint32_t> upstreams) {
  Config config;
  config.status.address.reset();
  for (const std::uint32_t max_connections : listeners) {
    config.listeners.emplace_back().max_connections = max_connections;
  }
  for (const std::uint32_t max_connections : upstreams) {
    UpstreamOptions& upstream = config.upstreams.emplace_back();
    upstream.pool.max_connections = max_connections;
    upstream.servers = {"10.0.0.1:80", "10.0.0.2:80"};
  }
  return config;
}

// 64 for the process, and per worker 16 for its loop and 16 for each of its listeners.
TEST(DescriptorPlan, GivesTheClientsWhatTheUpstreamsLeave) {
  const struct {
    unsigned workers;
    std::uint64_t limit;
    std::uint64_t for_clients;
  } rows[] = {
      {1, 1'000'000, 100},  // as many as they may be
      {1, 64 + 32 + 20 + 100, 100},
      {1, 64 + 32 + 20 + 99, 99},
      {1, 64 + 32 + 20 + 1, 1},
      {1, 64 + 32 + 20, 0},
      {1, 64, 0},
      {1, 0, 0},
      {4, 64 + 4 * 32 + 20 + 50, 50},
  };
  const Config config = config_of({100}, {10});
  for (const auto& row : rows) {
    const DescriptorPlan plan = plan_descriptors(config, row.workers, row.limit);
    EXPECT_EQ(plan.for_upstreams, 20U);
    EXPECT_EQ(plan.wanted_by_clients, 100U);
    EXPECT_EQ(plan.for_clients, row.for_clients) << row.limit;
  }
}

TEST(DescriptorPlan, CountsEveryServerOfEveryUpstream) {
  const DescriptorPlan plan = plan_descriptors(config_of({1, 2}, {10, 20}), 1, 10'000);
  EXPECT_EQ(plan.for_upstreams, 60U);
  EXPECT_EQ(plan.wanted_by_clients, 3U);
}

TEST(DescriptorPlan, SurvivesTheGreatestNumbers) {
  const DescriptorPlan plan =
      plan_descriptors(config_of({4'294'967'295}, {4'294'967'295}), 64, std::uint64_t{1} << 40);
  EXPECT_EQ(plan.for_clients, 4'294'967'295U);
  EXPECT_EQ(client_cap(config_of({4'294'967'295}, {}).listeners[0], plan), 4'294'967'295U);
}

TEST(ClientCap, IsTheListenersPartOfWhatThereIs) {
  const struct {
    std::uint32_t max_connections;
    std::uint64_t for_clients;
    std::uint32_t cap;
  } rows[] = {
      {300, 400, 300}, {100, 400, 100}, {300, 200, 150}, {100, 200, 50}, {100, 1, 1}, {100, 0, 1},
  };
  for (const auto& row : rows) {
    const DescriptorPlan plan{
        .for_upstreams = 0, .for_clients = row.for_clients, .wanted_by_clients = 400};
    EXPECT_EQ(client_cap(config_of({row.max_connections}, {}).listeners[0], plan), row.cap);
  }
}

TEST(DescriptorLimit, IsRaisedToTheHardOne) {
  rlimit limit{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &limit), 0);
  EXPECT_EQ(raise_descriptor_limit(), limit.rlim_max);
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &limit), 0);
  EXPECT_EQ(limit.rlim_cur, limit.rlim_max);
}

}  // namespace
}  // namespace holdfast
