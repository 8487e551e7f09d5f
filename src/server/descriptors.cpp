#include "server/descriptors.h"

#include <sys/resource.h>

#include <algorithm>

namespace holdfast {
namespace {

// For standard streams, logs and libraries; and per worker for its loop, its listeners and
// connections on the move.
constexpr std::uint64_t reserve = 64;
constexpr std::uint64_t reserve_per_worker = 16;
constexpr std::uint64_t reserve_for_status = 80;  // its listener and its clients

}  // namespace

std::uint64_t raise_descriptor_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) {
    return 1024;
  }
  limit.rlim_cur = limit.rlim_max;
  if (setrlimit(RLIMIT_NOFILE, &limit) != 0 || getrlimit(RLIMIT_NOFILE, &limit) != 0) {
    return 1024;
  }
  return limit.rlim_cur;
}

DescriptorPlan plan_descriptors(const Config& config, unsigned workers, std::uint64_t limit) {
  DescriptorPlan plan;
  for (const UpstreamOptions& upstream : config.upstreams) {
    plan.for_upstreams += std::uint64_t{upstream.pool.max_connections} * upstream.servers.size();
  }
  for (const ListenerOptions& listener : config.listeners) {
    plan.wanted_by_clients += listener.max_connections;
  }
  const std::uint64_t used = reserve +
                             reserve_per_worker * workers * (1 + config.listeners.size()) +
                             (config.status.address ? reserve_for_status : 0) + plan.for_upstreams;
  plan.for_clients = limit > used ? std::min(limit - used, plan.wanted_by_clients) : 0;
  return plan;
}

std::uint32_t client_cap(const ListenerOptions& listener, const DescriptorPlan& plan) {
  const std::uint64_t share = listener.max_connections * plan.for_clients /
                              std::max<std::uint64_t>(1, plan.wanted_by_clients);
  return static_cast<std::uint32_t>(std::max<std::uint64_t>(1, share));
}

}  // namespace holdfast
