#include "cli/backend_probe.h"

#include <fmt/format.h>
#include <poll.h>

#include <algorithm>
#include <cerrno>
#include <string_view>
#include <utility>

#include "net/clock.h"
#include "net/resolver.h"

namespace holdfast {
namespace {

constexpr std::size_t max_addresses = 8;  // of one name that are tried
constexpr unsigned idle_connections = 4;
constexpr Duration close_patience = 1s;  // for a backend that was asked to close

std::vector<SocketAddress> addresses_of(const std::string& server, std::string& error) {
  if (const auto address = SocketAddress::parse(server)) {
    return {*address};
  }
  const auto question = parse_question(server);
  if (!question) {
    error = "it is no host:port";
    return {};
  }
  Answer answer = look_up(*question);
  error = answer.error;
  if (answer.addresses.size() > max_addresses) {
    answer.addresses.resize(max_addresses);
  }
  return answer.addresses;
}

// Connections that nobody uses, to see how old each gets before the backend closes it.
class IdleWatch {
 public:
  void add(ProbeConnection connection, TimePoint since) {
    watched_.push_back({std::move(connection), since, std::nullopt});
  }

  // Notes those that have been closed by now.
  void look() {
    const TimePoint now = monotonic_now();
    for (Watched& one : watched_) {
      if (!one.age && one.connection.ended()) {
        one.age = now - one.since;
      }
    }
  }

  // Looks until all are closed, or until then.
  void look_until(TimePoint deadline) {
    look();
    while (true) {
      std::vector<pollfd> open;
      for (const Watched& one : watched_) {
        if (!one.age) {
          open.push_back({one.connection.descriptor(), POLLIN, 0});
        }
      }
      const Duration left = deadline - monotonic_now();
      if (open.empty() || left <= 0s) {
        return;
      }
      const auto milliseconds = std::chrono::ceil<std::chrono::milliseconds>(left).count();
      const int ready = ::poll(open.data(), open.size(), static_cast<int>(milliseconds));
      if (ready < 0 && errno != EINTR) {
        return;
      }
      look();
    }
  }

  void close_all() { watched_.clear(); }

  [[nodiscard]] IdleFacts facts() const {
    IdleFacts facts{.watched = static_cast<unsigned>(watched_.size())};
    const TimePoint now = monotonic_now();
    Duration shortest = Duration::max();
    for (const Watched& one : watched_) {
      if (one.age) {
        facts.ages.push_back(*one.age);
      } else {
        shortest = std::min(shortest, now - one.since);
      }
    }
    facts.watched_for = shortest == Duration::max() ? 0s : shortest;
    std::sort(facts.ages.begin(), facts.ages.end());
    return facts;
  }

 private:
  struct Watched {
    ProbeConnection connection;
    TimePoint since;
    std::optional<Duration> age;  // when it was closed
  };

  std::vector<Watched> watched_;
};

class BackendProbe {
 public:
  BackendProbe(const std::string& server, const ProbeSettings& settings)
      : settings_(settings), host_(host_for(server)) {
    facts_.server = server;
  }

  BackendFacts run() {
    for (const SocketAddress& address : addresses_of(facts_.server, facts_.name_error)) {
      const TimePoint began = monotonic_now();
      const auto connection = ProbeConnection::open(address, began + settings_.timeout);
      facts_.attempts.push_back(
          {address, connection ? std::nullopt : std::optional(connection.error())});
      if (connection && !facts_.asked) {
        facts_.asked = address;
        facts_.connected_in = monotonic_now() - began;
      }
    }
    if (facts_.asked) {
      facts_.http11 = try_version(request("1.1", ""));
      facts_.http10 = try_version(request("1.0", "Connection: keep-alive\r\n"));
    }
    if (facts_.keeps()) {
      kept_request_ =
          facts_.http11.again ? request("1.1", "") : request("1.0", "Connection: keep-alive\r\n");
      facts_.closes_when_asked = closes_when_asked();
      if (settings_.depth == ProbeSettings::Depth::full) {
        measure_limits();
      }
    }
    return std::move(facts_);
  }

 private:
  [[nodiscard]] std::string host_for(const std::string& server) const {
    if (!settings_.host.empty()) {
      return settings_.host;
    }
    return server.starts_with("unix:") ? "localhost" : server;
  }

  [[nodiscard]] std::string request(std::string_view version, std::string_view fields) const {
    return fmt::format("GET {} HTTP/{}\r\nHost: {}\r\nUser-Agent: holdfast-doctor/" HOLDFAST_VERSION
                       "\r\nAccept: */*\r\n{}\r\n",
                       settings_.path, version, host_, fields);
  }

  [[nodiscard]] TimePoint soon() const { return monotonic_now() + settings_.timeout; }
  [[nodiscard]] Result<ProbeConnection> connect() const {
    return ProbeConnection::open(*facts_.asked, soon());
  }

  [[nodiscard]] VersionFacts try_version(const std::string& asked) const {
    VersionFacts facts;
    Result<ProbeConnection> connection = connect();
    if (!connection) {
      facts.failure = connection.error();
      return facts;
    }
    const Result<ProbeAnswer> answer = connection->ask(asked, soon());
    if (!answer) {
      facts.failure = answer.error();
      return facts;
    }
    facts.answer = *answer;
    facts.again = answer->keeps && connection->ask(asked, soon()).has_value();
    return facts;
  }

  [[nodiscard]] std::optional<bool> closes_when_asked() const {
    Result<ProbeConnection> connection = connect();
    if (!connection || !connection->ask(request("1.1", "Connection: close\r\n"), soon())) {
      return std::nullopt;
    }
    return connection->wait_for_end(monotonic_now() + close_patience);
  }

  void measure_limits() {
    const TimePoint deadline = monotonic_now() + settings_.limit;
    IdleWatch watch;
    unsigned served = 0;
    for (; served < idle_connections; ++served) {
      Result<ProbeConnection> connection = connect();
      if (!connection || !connection->ask(kept_request_, soon())) {
        break;
      }
      watch.add(std::move(*connection), monotonic_now());
    }
    if (served == idle_connections) {
      facts_.requests = count_requests(deadline, watch);
      watch.look_until(deadline);
      facts_.idle = watch.facts();
      return;
    }
    // A backend that serves so few at a time serves another only when these are gone.
    facts_.most_side_by_side = served;
    watch.look_until(deadline);
    if (served > 0) {
      facts_.idle = watch.facts();
    }
    watch.close_all();
    facts_.requests = count_requests(deadline, watch);
  }

  // Goes on looking after the idle connections meanwhile.
  [[nodiscard]] std::optional<RequestFacts> count_requests(TimePoint deadline,
                                                           IdleWatch& watch) const {
    Result<ProbeConnection> connection = connect();
    if (!connection) {
      return std::nullopt;
    }
    RequestFacts facts;
    Duration took{};
    while (facts.answered < settings_.requests && monotonic_now() < deadline) {
      const Result<ProbeAnswer> answer = connection->ask(kept_request_, std::min(soon(), deadline));
      watch.look();
      if (!answer) {
        note_end(answer.error(), deadline, facts);
        break;
      }
      ++facts.answered;
      took += answer->took;
      if (!answer->keeps) {
        facts.ended = facts.announced = true;
        break;
      }
    }
    if (facts.answered == 0) {
      return std::nullopt;
    }
    facts.mean_latency = took / static_cast<Duration::rep>(facts.answered);
    return facts;
  }

  // Why the next request was not answered. That our own time was over says nothing.
  static void note_end(const Error& error, TimePoint deadline, RequestFacts& facts) {
    if (error.code == ErrorCode::upstream_closed) {
      facts.ended = true;
    } else if (monotonic_now() < deadline) {
      facts.failure = error;
    }
  }

  const ProbeSettings& settings_;
  std::string host_;
  std::string kept_request_;  // one that may be followed by another
  BackendFacts facts_;
};

}  // namespace

BackendFacts probe_backend(const std::string& server, const ProbeSettings& settings) {
  return BackendProbe(server, settings).run();
}

}  // namespace holdfast
