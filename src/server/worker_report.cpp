// What a worker tells the status pages of itself.

#include "proxy/overload.h"
#include "server/worker.h"

namespace holdfast {
namespace {

ListenerReport report_of(const Service& service) {
  ListenerReport report{.name = service.options.name,
                        .clients = service.clients,
                        .clients_opened = service.clients_opened};
  for (const RequestCounts::Row& row : service.requests.rows()) {
    report.requests.push_back({row.upstream == nullptr ? "" : row.upstream->name(), *row.counts});
  }
  return report;
}

EndpointReport report_of(const Endpoint& endpoint, TimePoint now) {
  const auto& pool = endpoint.pool();
  const Health& health = endpoint.health();
  EndpointReport report{.server = endpoint.authority(),
                        .open = {.connecting = pool.connecting(),
                                 .active = pool.leased() + pool.pinned(),
                                 .idle = pool.idle(),
                                 .resting = pool.resting(),
                                 .draining = pool.leaving()},
                        .limit = endpoint.options().pool.max_connections,
                        .is_up = health.serving(),
                        .closes_idle = endpoint.learned().idle_limit(),
                        .closes_after_requests = endpoint.learned().request_limit(),
                        .counts = endpoint.tally()};
  const PortLedger& ports = endpoint.shared().ports;
  report.ports = ports.use(now);
  report.ports_last = ports.time_left(now);
  report.served_at_once = endpoint.served_at_once();
  report.trial_in = std::max(Duration::zero(), health.trial_at() - now);
  if (health.last_error()) {
    report.last_error = health.last_error();
    report.failed_ago = now - health.failed_at();
  }
  return report;
}

NameReport report_of(const NameState& name, TimePoint now) {
  return {.server = name.server,
          .resolved = !name.addresses.empty(),
          .error = name.error,
          .failure = name.failure,
          .failing_for = now - name.failing_since,
          .failed_ago = now - name.failed_at,
          .next_in = std::max(Duration::zero(), name.next_at - now)};
}

UpstreamReport report_of(const Upstream& upstream, TimePoint now) {
  UpstreamReport report{.name = upstream.name(), .counts = upstream.tally()};
  report.waiting = upstream.in_lobby();
  for (const auto& endpoint : upstream.endpoints()) {
    report.waiting += endpoint->waiting();
    report.oldest_wait = std::max(report.oldest_wait, endpoint->oldest_wait(now));
    report.endpoints.push_back(report_of(*endpoint, now));
  }
  return report;
}

}  // namespace

void Worker::fill(WorkerReport& report) const {
  report = {.counters = context_.counters,
            .memory_held = memory_held(context_),
            .memory_limit = context_.memory_limit};
  for (const auto& door : doors_) {
    report.listeners.push_back(report_of(door->service()));
  }
  if (status_door_) {
    report.listeners.push_back(report_of(status_door_->service()));
  }
  for (std::size_t i = 0; i < upstreams_.size(); ++i) {
    UpstreamReport& made = report.upstreams.emplace_back(report_of(*upstreams_[i], context_.now()));
    if (context_.worker == 0) {  // by whose clock the names are looked up
      for (const NameState& name : shared_.upstreams[i]->names()) {
        made.names.push_back(report_of(name, context_.now()));
      }
    }
  }
}

}  // namespace holdfast
