#include "admin/report.h"

#include <algorithm>

namespace holdfast {
namespace {

// The element with the same name, made if there is none.
template <class Report>
Report& same(std::vector<Report>& all, std::string Report::*name, const Report& as) {
  const auto found = std::find_if(all.begin(), all.end(),
                                  [&](const Report& one) { return one.*name == as.*name; });
  if (found != all.end()) {
    return *found;
  }
  Report& made = all.emplace_back();
  made.*name = as.*name;
  return made;
}

void add_listener(ListenerReport& to, const ListenerReport& from) {
  to.clients += from.clients;
  to.clients_opened += from.clients_opened;
  for (const RequestsReport& requests : from.requests) {
    same(to.requests, &RequestsReport::upstream, requests).counts.add(requests.counts);
  }
}

// An endpoint is up as long as one worker holds it for that.
void add_endpoint(EndpointReport& to, const EndpointReport& from, bool is_new) {
  to.open.add(from.open);
  to.limit = from.limit;
  to.is_up = from.is_up || (!is_new && to.is_up);
  to.trial_in = is_new ? from.trial_in : std::min(to.trial_in, from.trial_in);
  if (from.last_error && (!to.last_error || from.failed_ago < to.failed_ago)) {
    to.last_error = from.last_error;
    to.failed_ago = from.failed_ago;
  }
  to.ports = from.ports;
  to.ports_last = from.ports_last;
  to.served_at_once = std::max(to.served_at_once, from.served_at_once);
  // The lowest that a worker has learned.
  if (from.closes_idle) {
    to.closes_idle = std::min(to.closes_idle.value_or(Duration::max()), *from.closes_idle);
  }
  if (from.closes_after_requests != 0) {
    to.closes_after_requests = to.closes_after_requests == 0
                                   ? from.closes_after_requests
                                   : std::min(to.closes_after_requests, from.closes_after_requests);
  }
  to.counts.add(from.counts);
}

void add_upstream(UpstreamReport& to, const UpstreamReport& from) {
  to.waiting += from.waiting;
  to.oldest_wait = std::max(to.oldest_wait, from.oldest_wait);
  to.counts.add(from.counts);
  to.names.insert(to.names.end(), from.names.begin(), from.names.end());
  for (const EndpointReport& endpoint : from.endpoints) {
    const std::size_t before = to.endpoints.size();
    EndpointReport& sum = same(to.endpoints, &EndpointReport::server, endpoint);
    add_endpoint(sum, endpoint, to.endpoints.size() != before);
  }
}

}  // namespace

void WorkerReport::add(const WorkerReport& other) {
  counters.add(other.counters);
  memory_held += other.memory_held;
  memory_limit += other.memory_limit;
  lag = std::max(lag, other.lag);
  for (const ListenerReport& listener : other.listeners) {
    add_listener(same(listeners, &ListenerReport::name, listener), listener);
  }
  for (const UpstreamReport& upstream : other.upstreams) {
    add_upstream(same(upstreams, &UpstreamReport::name, upstream), upstream);
  }
}

}  // namespace holdfast
