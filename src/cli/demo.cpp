#include "cli/demo.h"

#include <fmt/format.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <optional>
#include <string>

#include "base/check.h"
#include "base/log.h"
#include "cli/comparison.h"
#include "cli/descriptor.h"
#include "cli/legacy_backend.h"
#include "cli/short_clients.h"
#include "config/config.h"
#include "net/listener.h"
#include "ports/ephemeral_range.h"
#include "ports/socket_table.h"
#include "server/server.h"

namespace holdfast {
namespace {

sigset_t end_signals() {
  sigset_t set;
  check(sigemptyset(&set) == 0 && sigaddset(&set, SIGINT) == 0 && sigaddset(&set, SIGTERM) == 0 &&
            sigaddset(&set, SIGQUIT) == 0,
        "the set of signals is made");
  return set;
}

// SIG_BLOCK or SIG_UNBLOCK for the calling thread and those it starts from then on. While they are
// not blocked, each of these signals ends the demo at once.
void set_end_signals(int how) {
  const sigset_t set = end_signals();
  check(pthread_sigmask(how, &set, nullptr) == 0, "the signal mask is set");
}

void wait_for_end_signal() {
  const sigset_t set = end_signals();
  int signal = 0;
  check(sigwait(&set, &signal) == 0, "the demo can wait for a signal");
}

void print(std::FILE* to, const std::string& text) {
  // The demo's text is all it has to give: if nobody can read it there is nobody to tell.
  static_cast<void>(std::fputs(text.c_str(), to));
  static_cast<void>(std::fflush(to));
}

void complain(const std::string& text) { print(stderr, "holdfast demo: " + text + "\n"); }

SocketAddress demo_address(std::uint16_t port) {
  const auto address = SocketAddress::parse(fmt::format("127.0.0.1:{}", port));
  check(address.has_value(), "the address of loopback is one");
  return *address;
}

Config demo_config(const SocketAddress& backend, std::uint16_t port) {
  ListenerOptions listener;
  listener.name = "demo";
  listener.address = demo_address(port);
  listener.upstream = "legacy";
  UpstreamOptions upstream;
  upstream.name = "legacy";
  upstream.servers = {backend.text()};
  Config config;
  config.listeners.push_back(listener);
  config.upstreams.push_back(upstream);
  config.log.level = LogLevel::warn;
  config.status.address.reset();
  return config;
}

// Runs the load and tells on a terminal how far it is.
ShortLoadReport run_load(const DemoOptions& options, const SocketAddress& to, const char* how) {
  if (isatty(STDERR_FILENO) == 0) {
    print(stderr, fmt::format("{} requests {} ...\n", options.requests, how));
    return run_short_clients({to, options.requests, options.concurrency, 10s});
  }
  unsigned shown = 0;
  const ShortLoadReport report =
      run_short_clients({to, options.requests, options.concurrency, 10s}, [&](unsigned finished) {
        if (finished - shown >= options.requests / 100 + 1) {
          shown = finished;
          print(stderr, fmt::format("\r{} of {} requests {} ", finished, options.requests, how));
        }
      });
  print(stderr, "\r\x1b[K");
  return report;
}

std::optional<DestinationUse> use_of(const SocketAddress& destination) {
  const Result<DestinationUse> use = read_destination_use(SocketEnd::of(destination.raw()));
  return use ? std::optional(*use) : std::nullopt;
}

// A port given out a minute ago may have entries left of its last owner; those do not count.
std::optional<std::size_t> time_wait_since(const std::optional<DestinationUse>& before,
                                           const std::optional<DestinationUse>& after) {
  if (!before || !after) {
    return std::nullopt;
  }
  return after->time_wait() - std::min(before->time_wait(), after->time_wait());
}

// Sends the load to `to`, and counts what it cost `backend`.
RunCost measure(const DemoOptions& options, const LegacyBackend& backend, const SocketAddress& to,
                const char* how) {
  const std::uint64_t accepted_before = backend.counts().accepted;
  const std::optional<DestinationUse> before = use_of(backend.address());
  RunCost cost;
  cost.load = run_load(options, to, how);
  const std::optional<DestinationUse> after = use_of(backend.address());
  cost.backend_connections = backend.counts().accepted - accepted_before;
  cost.time_wait = time_wait_since(before, after);
  const Result<EphemeralRange> range = EphemeralRange::read();
  if (range && after) {
    cost.free_ports = range->free_beside(after->callers);
  }
  return cost;
}

Comparison compare(const DemoOptions& options, const LegacyBackend& alone,
                   const LegacyBackend& behind, const SocketAddress& proxy) {
  Comparison comparison;
  comparison.requests = options.requests;
  comparison.concurrency = options.concurrency;
  comparison.direct = measure(options, alone, alone.address(), "directly");
  const std::optional<DestinationUse> before = use_of(proxy);
  comparison.proxied = measure(options, behind, proxy, "through holdfast");
  comparison.client_time_wait = time_wait_since(before, use_of(proxy));
  const Result<EphemeralRange> range = EphemeralRange::read();
  if (range) {
    comparison.port_range = range->size();
  }
  return comparison;
}

void report(const DemoOptions& options, const Comparison& comparison) {
  if (options.json) {
    print(stdout, comparison_json(comparison));
    return;
  }
  print(stdout, fmt::format("{}\n{}\n{}", comparison_table(comparison),
                            comparison_verdict(comparison), comparison_caveat(comparison)));
}

// Whether the demo may go on serving at its port. The server would say why not as well, but to
// somebody with a configuration; trying the port first keeps the two from saying it twice.
bool may_listen(const DemoOptions& options) {
  const auto tried = open_listening_socket(demo_address(options.port), PortSharing::exclusive);
  if (tried) {
    Descriptor(*tried).close();
    return true;
  }
  if (tried.error() == EADDRINUSE) {
    complain(
        fmt::format("port {} of 127.0.0.1 is taken. Choose another one: "
                    "holdfast demo --port {}",
                    options.port, options.port == 65535 ? 8080 : options.port + 1));
    return false;
  }
  complain(
      fmt::format("cannot listen on 127.0.0.1:{}: {}", options.port, std::strerror(tried.error())));
  return false;
}

void serve_until_told(const DemoOptions& options, Server& server) {
  // From here on a signal waits to be asked for, so that none falls between the invitation and the
  // wait.
  set_end_signals(SIG_BLOCK);
  print(
      options.json ? stderr : stdout,
      fmt::format("\nStill serving. Try:  curl -i http://{}/\n"
                  "Each curl is a new connection here; the answer tells which backend connection\n"
                  "carried it. Ctrl-C ends it.\n",
                  server.listening_address(0).text()));
  wait_for_end_signal();
  server.drain();
  // The second signal ends at once what the first one drains.
  set_end_signals(SIG_UNBLOCK);
}

}  // namespace

int demo(const DemoOptions& options) {
  if (options.concurrency == 0 || options.concurrency > DemoOptions::max_concurrency) {
    complain(fmt::format("the concurrency must be from 1 to {}", DemoOptions::max_concurrency));
    return 2;
  }
  if (!options.once && !may_listen(options)) {
    return 1;
  }
  log::start(LogLevel::warn, LogFormat::text);
  // The threads of the server and the backends inherit the blocked signals, so that a signal meets
  // this thread.
  set_end_signals(SIG_BLOCK);
  const Result<std::unique_ptr<LegacyBackend>> alone = LegacyBackend::start();
  const Result<std::unique_ptr<LegacyBackend>> behind = LegacyBackend::start();
  if (!alone || !behind) {
    complain(fmt::format("the legacy backend cannot listen on 127.0.0.1: {}",
                         std::strerror((alone ? behind : alone).error().system)));
    return 1;
  }
  const std::uint16_t port = options.once ? std::uint16_t{0} : options.port;
  Server server(demo_config((*behind)->address(), port));
  if (!server.start()) {
    return 1;  // the log has the reason
  }
  set_end_signals(SIG_UNBLOCK);

  const Comparison comparison = compare(options, **alone, **behind, server.listening_address(0));
  report(options, comparison);
  if (options.once) {
    server.drain();
  } else {
    serve_until_told(options, server);
  }
  server.wait();
  return comparison.proxied.load.failed() > 0 ? 1 : 0;
}

}  // namespace holdfast
