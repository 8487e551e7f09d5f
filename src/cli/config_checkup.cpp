#include "cli/config_checkup.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <thread>
#include <utility>

#include "cli/wording.h"
#include "config/scalars.h"
#include "server/cpus.h"
#include "server/descriptors.h"

namespace holdfast {
namespace {

constexpr std::size_t asked_at_a_time = 32;

Finding judge_needs(const Config& config, unsigned workers, std::uint64_t limit) {
  const DescriptorPlan plan = plan_descriptors(config, workers, limit);
  Finding finding{.verdict = Verdict::healthy, .check = "descriptor_needs"};
  finding.what = fmt::format(
      "Of {} descriptors {} are for backends (every pool at its max_connections); that leaves {} "
      "of "
      "the {} that clients may take.",
      limit, plan.for_upstreams, plan.for_clients, plan.wanted_by_clients);
  finding.advice = "Enough.";
  if (plan.for_clients < plan.wanted_by_clients) {
    finding.verdict = plan.for_clients == 0 ? Verdict::sick : Verdict::warning;
    finding.advice = fmt::format(
        "{} Raise the limit (LimitNOFILE= of systemd), or lower max_connections of listeners or "
        "pools.",
        plan.for_clients == 0 ? "holdfast will not start." : "holdfast lets only so many in.");
  }
  return finding;
}

Finding judge_workers(unsigned workers, unsigned cpus) {
  Finding finding{.verdict = Verdict::healthy, .check = "workers"};
  finding.what = fmt::format("{} for {} that this process may use.", counted(workers, "worker"),
                             counted(cpus, "CPU"));
  if (workers > cpus) {
    finding.verdict = Verdict::warning;
    finding.advice = "More workers than CPUs only wait for each other: workers: auto";
  }
  return finding;
}

// An idle connection must be gone from the pool before its backend closes it. A negative time is
// one that is learned.
Finding compare_idle(const PoolLimits& pool, Duration limit) {
  const bool learns = pool.idle_timeout < 0s;
  Finding finding{.verdict = Verdict::healthy, .check = "idle_timeout"};
  finding.what = fmt::format("pool.idle_timeout is {}; the backend closes after {}.",
                             learns ? "auto" : duration_text(pool.idle_timeout), spoken(limit));
  if (!learns && (pool.idle_timeout == 0s || pool.idle_timeout >= limit)) {
    finding.verdict = Verdict::warning;
    finding.advice = fmt::format(
        "A request may meet a connection that the backend is closing. Write "
        "idle_timeout: {}.",
        duration_text(safe_idle_timeout(limit)));
  } else {
    finding.advice = learns ? "It is learned." : "It fits.";
  }
  return finding;
}

Finding compare_requests(const PoolLimits& pool, const RequestFacts& requests) {
  Finding finding{.verdict = Verdict::healthy, .check = "max_requests"};
  const bool fits = pool.max_requests != 0 && pool.max_requests <= requests.answered;
  finding.what = fmt::format("pool.max_requests is {}; the backend closes after {}.",
                             pool.max_requests, requests.answered);
  finding.advice = fits || requests.announced
                       ? "It fits: the end of a connection is known before."
                       : fmt::format("The backend does not say when. Write max_requests: {}.",
                                     requests.answered);
  if (!fits && !requests.announced) {
    finding.verdict = Verdict::warning;
  }
  return finding;
}

struct ByAddress {
  bool operator()(const SocketAddress& a, const SocketAddress& b) const { return a < b; }
};

}  // namespace

std::vector<ConfiguredServer> servers_of(const Config& config, const ProbeSettings& settings) {
  std::vector<ConfiguredServer> servers;
  for (const UpstreamOptions& upstream : config.upstreams) {
    for (const std::string& server : upstream.servers) {
      ConfiguredServer one{.upstream = &upstream, .server = server, .probe = settings};
      if (one.probe.host.empty() && upstream.host == HostChoice::literal) {
        one.probe.host = upstream.host_name;
      }
      servers.push_back(std::move(one));
    }
  }
  return servers;
}

std::vector<BackendFacts> probe_all(const std::vector<ConfiguredServer>& servers) {
  std::vector<BackendFacts> facts(servers.size());
  for (std::size_t begin = 0; begin < servers.size(); begin += asked_at_a_time) {
    const std::size_t end = std::min(servers.size(), begin + asked_at_a_time);
    std::vector<std::thread> threads;
    for (std::size_t i = begin; i < end; ++i) {
      threads.emplace_back(
          [&, i] { facts[i] = probe_backend(servers[i].server, servers[i].probe); });
    }
    for (std::thread& thread : threads) {
      thread.join();
    }
  }
  return facts;
}

Chapter judge_config(const std::string& name, const Config& config, const MachineFacts& machine) {
  const unsigned cpus = usable_cpus();
  const unsigned workers = config.workers == 0 ? cpus : config.workers;
  return {.title = "Configuration " + name,
          .findings = {judge_needs(config, workers, machine.hard_descriptors),
                       judge_workers(workers, cpus)}};
}

Chapter judge_server(const ConfiguredServer& server, const BackendFacts& facts) {
  Chapter chapter = judge_backend(facts, server.probe);
  chapter.title = fmt::format("Upstream {}: {}", server.upstream->name, server.server);
  if (!facts.keeps()) {
    return chapter;
  }
  if (const auto limit = idle_limit_of(facts)) {
    chapter.findings.push_back(compare_idle(server.upstream->pool, *limit));
  }
  if (facts.requests && facts.requests->ended) {
    chapter.findings.push_back(compare_requests(server.upstream->pool, *facts.requests));
  }
  return chapter;
}

Chapter judge_port_needs(const std::vector<ConfiguredServer>& servers,
                         const std::vector<BackendFacts>& facts, const MachineFacts& machine) {
  std::map<SocketAddress, std::uint64_t, ByAddress> needs;
  for (std::size_t i = 0; i < servers.size(); ++i) {
    for (const BackendFacts::Attempt& attempt : facts[i].attempts) {
      if (!attempt.address.is_unix()) {
        needs[attempt.address] += servers[i].upstream->pool.max_connections;
      }
    }
  }
  Chapter chapter{.title = "Ports towards the backends"};
  for (const auto& [address, connections] : needs) {
    Finding finding{.verdict = Verdict::healthy, .check = "port_needs"};
    const std::size_t ports = machine.range ? machine.range->size() : 0;
    finding.what = fmt::format("{}: pools of up to {} connections, {} local ports.", address.text(),
                               connections, ports);
    finding.advice = "Enough.";
    if (ports != 0 && connections * 2 > ports) {
      finding.verdict = connections >= ports ? Verdict::sick : Verdict::warning;
      finding.advice =
          "Connections that are replaced keep their ports for a while. Lower pool.max_connections, "
          "or widen net.ipv4.ip_local_port_range.";
    }
    chapter.findings.push_back(std::move(finding));
  }
  return chapter;
}

}  // namespace holdfast
