#include "admin/numbers_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "admin/verdict.h"
#include "proxy/trouble.h"

namespace holdfast {
namespace {

std::string code_of(std::size_t slot) {
  return slot < counted_codes.size() ? std::to_string(counted_codes[slot])
                                     : std::string(code_classes[slot - counted_codes.size()]);
}

void add_requests(StatusNumbers& numbers, const ListenerReport& listener,
                  std::array<std::uint64_t, code_slots>& answers) {
  for (const RequestsReport& requests : listener.requests) {
    for (const auto& by_code : requests.counts.counts) {
      for (std::size_t slot = 0; slot < code_slots; ++slot) {
        answers[slot] += by_code[slot];
        numbers.requests += by_code[slot];
      }
    }
  }
}

void add_closed(StatusNumbers& numbers, const EndpointTally& counts) {
  for (const Closer closer : {Closer::holdfast, Closer::backend}) {
    const EndpointTally::Closed& ends = counts.closed_by(closer, Ending::fin);
    const EndpointTally::Closed& resets = counts.closed_by(closer, Ending::reset);
    for (std::size_t i = 0; i < retirement_count; ++i) {
      const CloseCount key{closer, static_cast<Retirement>(i), ends[i] + resets[i], resets[i]};
      const auto known =
          std::find_if(numbers.closed.begin(), numbers.closed.end(), [&](const CloseCount& count) {
            return count.by == key.by && count.reason == key.reason;
          });
      if (key.total != 0 && known != numbers.closed.end()) {
        known->total += key.total;
        known->resets += key.resets;
      } else if (key.total != 0) {
        numbers.closed.push_back(key);
      }
    }
  }
}

ServerNumbers numbers_of(const EndpointReport& endpoint) {
  ServerNumbers server;
  server.server = endpoint.server;
  const bool tried = endpoint.counts.opened + endpoint.counts.failed_attempts > 0;
  server.state = !endpoint.is_up ? ServerState::aside
                 : tried         ? ServerState::up
                                 : ServerState::untried;
  server.retry_in = endpoint.trial_in;
  if (endpoint.last_error) {
    const Trouble trouble = trouble_of(*endpoint.last_error, endpoint.server);
    server.last_error = LastError{endpoint.last_error->code, fmt::format("{}", trouble),
                                  trouble.remedy, endpoint.failed_ago};
  }
  server.verdict = verdict_of(endpoint);
  server.limits = limits_of(endpoint);
  server.connections = {.open = endpoint.open,
                        .limit = endpoint.limit,
                        .opened = endpoint.counts.opened,
                        .reused = endpoint.counts.reuses};
  server.ports = endpoint.ports;
  server.ports_last = endpoint.ports_last;
  server.served_at_once = endpoint.served_at_once;
  return server;
}

// A name without an address stands in its server's place.
ServerNumbers numbers_of(const NameReport& name) {
  ServerNumbers server;
  server.server = name.server;
  server.state = name.error.empty() ? ServerState::resolving : ServerState::unresolved;
  server.retry_in = name.next_in;
  server.unresolved_for = name.failing_for;
  if (!name.error.empty()) {
    server.last_error =
        LastError{name.failure, fmt::format("Its name is not resolved: {}", name.error),
                  "Check the name and this machine's DNS (getent hosts)", name.failed_ago};
  }
  return server;
}

}  // namespace

NumbersReader::NumbersReader(const Config& config, const Workers& workers, const Census& census,
                             const Clock& clock)
    : config_(config), workers_(workers), census_(census), clock_(clock), started_(clock.now()) {}

StatusNumbers NumbersReader::read() const {
  WorkerReport sum;
  for (unsigned i = 0; i < census_.workers(); ++i) {
    if (const WorkerReport* report = census_.report(i)) {
      sum.add(*report);
    }
  }
  StatusNumbers numbers;
  numbers.uptime = clock_.now() - started_;
  numbers.workers = census_.workers();
  numbers.draining = workers_.ending();
  add_listeners(numbers, sum);
  for (const UpstreamReport& upstream : sum.upstreams) {
    UpstreamNumbers& made = numbers.upstreams.emplace_back();
    made.name = upstream.name;
    made.waiting = upstream.waiting;
    made.oldest_wait = upstream.oldest_wait;
    for (const EndpointReport& endpoint : upstream.endpoints) {
      made.servers.push_back(numbers_of(endpoint));
      add_closed(numbers, endpoint.counts);
    }
    for (const NameReport& name : upstream.names) {
      if (!name.resolved) {
        made.servers.push_back(numbers_of(name));
      }
    }
  }
  for (std::size_t i = 0; i < error_code_count; ++i) {
    if (sum.counters.errors[i] != 0) {
      numbers.errors.push_back({static_cast<ErrorCode>(i), sum.counters.errors[i]});
    }
  }
  return numbers;
}

// Of the listeners of the configuration: who looks here is no client.
void NumbersReader::add_listeners(StatusNumbers& numbers, const WorkerReport& sum) const {
  std::array<std::uint64_t, code_slots> answers{};
  for (std::size_t i = 0; i < config_.listeners.size(); ++i) {
    const ListenerOptions& options = config_.listeners[i];
    numbers.clients_limit += options.max_connections;
    numbers.listeners.push_back(
        {options.name, workers_.listening_address(i).text(), options.upstream});
    for (const ListenerReport& listener : sum.listeners) {
      if (listener.name == options.name) {
        numbers.clients_open += listener.clients;
        numbers.clients_opened += listener.clients_opened;
        add_requests(numbers, listener, answers);
      }
    }
  }
  for (std::size_t slot = 0; slot < code_slots; ++slot) {
    if (answers[slot] != 0) {
      numbers.answers.push_back({code_of(slot), answers[slot]});
    }
  }
}

}  // namespace holdfast
