#include "admin/metrics_page.h"

#include <fmt/format.h>

#include <array>
#include <limits>
#include <utility>

#include "codec/http1/version.h"
#include "metrics/prometheus.h"
#include "net/version.h"

namespace holdfast {
namespace {

using enum MetricKind;

constexpr double microsecond = 1e-6;
constexpr std::array<std::uint64_t, 14> latency_limits{
    500,     1'000,   2'500,   5'000,     10'000,    25'000,    50'000,
    100'000, 250'000, 500'000, 1'000'000, 2'500'000, 5'000'000, 10'000'000};
constexpr std::array<std::uint64_t, 13> request_limits{
    1, 2, 5, 10, 20, 50, 100, 1'000, 5'000, 10'000, 50'000, 100'000, 1'000'000};
constexpr std::array<std::string_view, RequestTally::methods> method_names{
    "GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "CONNECT", "TRACE", "_OTHER"};
constexpr std::pair<std::string_view, Closer> closers[] = {{"holdfast", Closer::holdfast},
                                                           {"peer", Closer::backend}};
constexpr std::pair<std::string_view, Ending> endings[] = {{"fin", Ending::fin},
                                                           {"reset", Ending::reset}};
constexpr std::string_view compiler =
#if defined(__clang__)
    "clang " __clang_version__;
#else
    "gcc " __VERSION__;
#endif

double seconds(Duration time) { return std::chrono::duration<double>(time).count(); }

std::string code_name(std::size_t slot) {
  return slot < counted_codes.size() ? std::to_string(counted_codes[slot])
                                     : std::string(code_classes[slot - counted_codes.size()]);
}

// Writes one family after the other, from the sum of all workers.
class Page {
 public:
  explicit Page(const MetricsSource& source) : source_(source) {
    for (const WorkerReport* worker : source.workers) {
      if (worker != nullptr) {
        sum_.add(*worker);
      }
    }
  }

  std::string write() {
    write_build();
    write_clients();
    write_requests();
    write_latencies();
    write_connections();
    write_names();
    write_closed();
    write_ports();
    write_pool();
    write_replays();
    write_process();
    write_workers();
    write_machine();
    return out_.take();
  }

 private:
  template <class Read>
  void per_upstream(Read read) {
    for (const UpstreamReport& upstream : sum_.upstreams) {
      out_.sample({{"upstream", upstream.name}}, read(upstream));
    }
  }

  template <class Read>
  void per_endpoint(Read read) {
    for (const UpstreamReport& upstream : sum_.upstreams) {
      for (const EndpointReport& endpoint : upstream.endpoints) {
        out_.sample({{"upstream", upstream.name}, {"server", endpoint.server}}, read(endpoint));
      }
    }
  }

  void single(std::string_view name, MetricKind kind, std::string_view help, std::uint64_t value) {
    out_.family(name, kind, help);
    out_.sample({}, value);
  }

  template <class Number>
  void single(std::string_view name, std::string_view help, const std::optional<Number>& value) {
    if (value) {
      out_.family(name, gauge, help);
      out_.sample({}, *value);
    }
  }

  void write_build() {
    const std::string splitter = splitter_version();
    out_.family("build_info", gauge, "What runs.");
    out_.sample({{"version", HOLDFAST_VERSION},
                 {"compiler", compiler},
                 {"libuv", loop_library_version()},
                 {"llhttp", splitter}},
                std::uint64_t{1});
  }

  void write_clients() {
    out_.family("client_connections", gauge, "Connections of clients that are open.");
    for (const ListenerReport& listener : sum_.listeners) {
      out_.sample({{"listener", listener.name}}, listener.clients);
    }
    out_.family("client_connections_opened_total", counter, "Connections of clients, ever.");
    for (const ListenerReport& listener : sum_.listeners) {
      out_.sample({{"listener", listener.name}}, listener.clients_opened);
    }
  }

  void write_requests() {
    out_.family(
        "requests_total", counter,
        "Requests that have ended. upstream is empty if none was chosen; code is 499 where a "
        "client left before its answer.");
    for (const ListenerReport& listener : sum_.listeners) {
      for (const RequestsReport& requests : listener.requests) {
        write_requests(listener.name, requests);
      }
    }
  }

  void write_requests(std::string_view listener, const RequestsReport& requests) {
    for (std::size_t method = 0; method < RequestTally::methods; ++method) {
      for (std::size_t slot = 0; slot < code_slots; ++slot) {
        if (const std::uint64_t count = requests.counts.counts[method][slot]; count != 0) {
          out_.sample({{"listener", listener},
                       {"upstream", requests.upstream},
                       {"method", method_names[method]},
                       {"code", code_name(slot)}},
                      count);
        }
      }
    }
  }

  void write_latencies() {
    write_latency("request_duration_seconds",
                  "From the first byte of a request to the last of its answer.",
                  &UpstreamTally::duration);
    write_latency("pool_wait_seconds", "How long requests waited for a connection.",
                  &UpstreamTally::waited);
    write_histogram("upstream_connect_seconds", "How long connections took to open.",
                    &EndpointTally::connect, latency_limits, microsecond);
    write_histogram("upstream_first_byte_seconds",
                    "From the lease of a connection to the first byte of the answer.",
                    &EndpointTally::first_byte, latency_limits, microsecond);
    write_histogram("upstream_requests_per_connection",
                    "How many requests a connection had carried when it was closed.",
                    &EndpointTally::requests, request_limits, 1);
  }

  void write_latency(std::string_view name, std::string_view help,
                     Histogram UpstreamTally::*values) {
    out_.family(name, histogram, help);
    for (const UpstreamReport& upstream : sum_.upstreams) {
      const Label labels[] = {{"upstream", upstream.name}};
      out_.histogram(labels, upstream.counts.*values, latency_limits, microsecond);
    }
  }

  void write_histogram(std::string_view name, std::string_view help,
                       Histogram EndpointTally::*values, std::span<const std::uint64_t> limits,
                       double unit) {
    out_.family(name, histogram, help);
    for (const UpstreamReport& upstream : sum_.upstreams) {
      for (const EndpointReport& endpoint : upstream.endpoints) {
        const Label labels[] = {{"upstream", upstream.name}, {"server", endpoint.server}};
        out_.histogram(labels, endpoint.counts.*values, limits, unit);
      }
    }
  }

  void write_connections() {
    out_.family("upstream_connections", gauge, "Connections to a server, by what they are doing.");
    constexpr std::pair<std::string_view, std::uint64_t OpenConnections::*> states[] = {
        {"connecting", &OpenConnections::connecting},
        {"active", &OpenConnections::active},
        {"idle", &OpenConnections::idle},
        {"resting", &OpenConnections::resting},
        {"draining", &OpenConnections::draining}};
    for (const UpstreamReport& upstream : sum_.upstreams) {
      for (const EndpointReport& endpoint : upstream.endpoints) {
        for (const auto& [state, count] : states) {
          out_.sample({{"upstream", upstream.name}, {"server", endpoint.server}, {"state", state}},
                      endpoint.open.*count);
        }
      }
    }
    out_.family("upstream_connections_limit", gauge, "pool.max_connections, of each server.");
    per_endpoint([](const EndpointReport& endpoint) { return endpoint.limit; });
    out_.family("upstream_connections_opened_total", counter, "Connections that were made.");
    per_endpoint([](const EndpointReport& endpoint) { return endpoint.counts.opened; });
    out_.family("upstream_connect_failures_total", counter, "Connections that were not.");
    per_endpoint([](const EndpointReport& endpoint) { return endpoint.counts.failed_attempts; });
    out_.family("upstream_connection_reuses_total", counter,
                "Requests over a connection that had served before.");
    per_endpoint([](const EndpointReport& endpoint) { return endpoint.counts.reuses; });
    out_.family("upstream_connections_salvaged_total", counter,
                "Connections that were kept though their client had left in an answer.");
    per_endpoint([](const EndpointReport& endpoint) { return endpoint.counts.salvaged; });
    out_.family("upstream_idle_limit_seconds", gauge,
                "Learned: the idle time after which a server closes connections; 0 is not known.");
    per_endpoint([](const EndpointReport& endpoint) {
      return seconds(endpoint.closes_idle.value_or(Duration::zero()));
    });
    out_.family("upstream_request_limit", gauge,
                "Learned: the requests after which a server closes connections; 0 is not known.");
    per_endpoint([](const EndpointReport& endpoint) { return endpoint.closes_after_requests; });
    out_.family("upstream_up", gauge, "0 while a server is passed over because it fails.");
    per_endpoint([](const EndpointReport& endpoint) { return std::uint64_t{endpoint.is_up}; });
  }

  // Nothing where no server is a name.
  void write_names() {
    out_.family("upstream_name_resolved", gauge,
                "0 while the name of a server is not resolved; a last answer is then still used.");
    for (const UpstreamReport& upstream : sum_.upstreams) {
      for (const NameReport& name : upstream.names) {
        out_.sample({{"upstream", upstream.name}, {"name", name.server}},
                    std::uint64_t{name.resolved && name.error.empty()});
      }
    }
  }

  void write_closed() {
    out_.family("upstream_connections_closed_total", counter,
                "Connections that were closed, by who closed first, how it ended and why. Those "
                "that holdfast closes first by fin leave a TIME_WAIT here.");
    for (const UpstreamReport& upstream : sum_.upstreams) {
      for (const EndpointReport& endpoint : upstream.endpoints) {
        for (const auto& [by, closer] : closers) {
          for (const auto& [close, ending] : endings) {
            write_closed({Label{"upstream", upstream.name}, Label{"server", endpoint.server},
                          Label{"by", by}, Label{"close", close}},
                         endpoint.counts.closed_by(closer, ending));
          }
        }
      }
    }
  }

  void write_closed(const std::array<Label, 4>& of, const EndpointTally::Closed& counts) {
    for (std::size_t i = 0; i < retirement_count; ++i) {
      if (counts[i] != 0) {
        out_.sample(
            {of[0], of[1], of[2], of[3], {"reason", retirement_name(static_cast<Retirement>(i))}},
            counts[i]);
      }
    }
  }

  template <class Write>
  void per_server_with_ports(Write write) {
    for (const UpstreamReport& upstream : sum_.upstreams) {
      for (const EndpointReport& endpoint : upstream.endpoints) {
        if (endpoint.ports.limit != 0) {
          write(upstream.name, endpoint);
        }
      }
    }
  }

  void write_ports() {
    constexpr std::pair<std::string_view, std::uint32_t PortUse::*> states[] = {
        {"live", &PortUse::live}, {"time_wait", &PortUse::time_wait}, {"others", &PortUse::others}};
    out_.family("upstream_ports", gauge, "Local ports towards a server, by what holds them.");
    per_server_with_ports([&](std::string_view upstream, const EndpointReport& endpoint) {
      for (const auto& [state, count] : states) {
        out_.sample({{"upstream", upstream}, {"server", endpoint.server}, {"state", state}},
                    std::uint64_t{endpoint.ports.*count});
      }
    });
    out_.family("upstream_ports_limit", gauge, "How many there are, of all source addresses.");
    per_server_with_ports([&](std::string_view upstream, const EndpointReport& endpoint) {
      out_.sample({{"upstream", upstream}, {"server", endpoint.server}},
                  std::uint64_t{endpoint.ports.limit});
    });
    out_.family("upstream_ports_exhausted_in_seconds", gauge,
                "When the last of them goes at the present rate; +Inf if none does.");
    per_server_with_ports([&](std::string_view upstream, const EndpointReport& endpoint) {
      out_.sample({{"upstream", upstream}, {"server", endpoint.server}},
                  endpoint.ports_last ? seconds(*endpoint.ports_last)
                                      : std::numeric_limits<double>::infinity());
    });
    out_.family("upstream_time_waits_total", counter,
                "TIME_WAITs that closes of ours have left here, by the reason of the close.");
    per_server_with_ports([&](std::string_view upstream, const EndpointReport& endpoint) {
      for (std::size_t i = 0; i < retirement_count; ++i) {
        if (const std::uint64_t count = endpoint.counts.time_waits[i]; count != 0) {
          out_.sample({{"upstream", upstream},
                       {"server", endpoint.server},
                       {"reason", retirement_name(static_cast<Retirement>(i))}},
                      count);
        }
      }
    });
  }

  void write_pool() {
    out_.family("pool_waiting", gauge, "Requests that wait for a connection.");
    per_upstream([](const UpstreamReport& upstream) { return upstream.waiting; });
    out_.family("pool_oldest_wait_seconds", gauge, "How long the first of them has waited.");
    per_upstream([](const UpstreamReport& upstream) { return seconds(upstream.oldest_wait); });
    out_.family("pool_queue_rejected_total", counter, "Requests that got no connection.");
    for (const UpstreamReport& upstream : sum_.upstreams) {
      for (const auto& [reason, code] : {std::pair{"full", ErrorCode::queue_full},
                                         std::pair{"timeout", ErrorCode::queue_timeout}}) {
        out_.sample({{"upstream", upstream.name}, {"reason", reason}},
                    upstream.counts.errors[static_cast<std::size_t>(code)]);
      }
    }
    out_.family("upstream_errors_total", counter,
                "Requests that did not end as they should, by the error type of RFC 9209.");
    for (const UpstreamReport& upstream : sum_.upstreams) {
      for (std::size_t i = 0; i < error_code_count; ++i) {
        if (const std::uint64_t count = upstream.counts.errors[i]; count != 0) {
          out_.sample(
              {{"upstream", upstream.name}, {"error", error_row(static_cast<ErrorCode>(i)).name}},
              count);
        }
      }
    }
  }

  void write_replays() {
    const Counters& counters = sum_.counters;
    out_.family("upstream_retries_total", counter, "Requests that were tried once more.");
    const auto stale = [&](std::string_view outcome, std::uint64_t count) {
      out_.sample({{"reason", "stale_connection"}, {"outcome", outcome}}, count);
    };
    stale("answered", counters.replays_answered);
    stale("failed", counters.replays_failed);
    stale("refused", counters.replays_refused);
    out_.sample({{"reason", "connect_failed"}, {"outcome", "elsewhere"}}, counters.failovers);
  }

  void write_process() {
    const Counters& counters = sum_.counters;
    single("clients_shed_total", counter, "Resting clients closed to make room.",
           counters.clients_shed);
    single("accepts_stopped_total", counter, "Times that a listener had to stop accepting.",
           counters.accepts_stopped);
    out_.family("log_records_dropped_total", counter,
                "Lines of a log that a full disk or a blocked pipe did not take.");
    out_.sample({{"log", "access"}}, source_.lost_log_lines);
    single("memory_held_bytes", gauge, "Memory for clients and requests.", sum_.memory_held);
    single("memory_limit_bytes", gauge, "What it may come to; 0 is no limit.", sum_.memory_limit);
  }

  void write_workers() {
    out_.family("worker_up", gauge, "0 if a worker's loop did not answer within a second.");
    for (std::size_t i = 0; i < source_.workers.size(); ++i) {
      out_.sample({{"worker", std::to_string(i)}},
                  std::uint64_t{source_.workers[i] != nullptr ? 1U : 0U});
    }
    out_.family("loop_lag_seconds", gauge, "How long this question waited for each worker's loop.");
    for (std::size_t i = 0; i < source_.workers.size(); ++i) {
      if (const WorkerReport* worker = source_.workers[i]) {
        out_.sample({{"worker", std::to_string(i)}}, seconds(worker->lag));
      }
    }
  }

  void write_machine() {
    const MachineFigures& figures = source_.machine;
    single("time_wait_sockets", "Sockets in TIME_WAIT in this network namespace, of all programs.",
           figures.time_wait_sockets);
    single("ephemeral_ports_limit", "Local ports for connections to one server.",
           figures.ephemeral_ports);
    out_.family("process_cpu_seconds_total", counter, "User and system time.");
    out_.sample({}, figures.cpu_seconds);
    single("process_open_fds", "Open file descriptors.", figures.open_descriptors);
    single("process_max_fds", gauge, "How many there may be.", figures.max_descriptors);
    single("process_resident_memory_bytes", "Resident memory.", figures.resident_bytes);
    single("process_virtual_memory_bytes", "Virtual memory.", figures.virtual_bytes);
    single("process_start_time_seconds", "When the process began, since 1970.",
           figures.start_seconds);
  }

  const MetricsSource& source_;
  WorkerReport sum_;
  PrometheusWriter out_;
};

}  // namespace

std::string render_metrics(const MetricsSource& source) { return Page(source).write(); }

void MetricsPage::serve(const http1::RequestHead&, LocalReply& reply) {
  waiting_.push_back(&reply);
  census_.take(*this);
}

void MetricsPage::on_census() {
  std::vector<const WorkerReport*> workers;
  for (unsigned i = 0; i < census_.workers(); ++i) {
    workers.push_back(census_.report(i));
  }
  const LocalAnswer answer{
      .type = "text/plain; version=0.0.4; charset=utf-8",
      .fields = safe_fields(),
      .body = render_metrics({workers, machine_.figures(clock_.now()), workers_.lost_log_lines()})};
  for (LocalReply* reply : std::exchange(waiting_, {})) {
    reply->answer(answer);
  }
}

}  // namespace holdfast
