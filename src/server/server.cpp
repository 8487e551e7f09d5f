#include "server/server.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/log.h"
#include "net/clock.h"
#include "net/listener.h"
#include "net/resolver.h"
#include "server/cpus.h"
#include "server/descriptors.h"
#include "server/log_thread.h"
#include "server/memory.h"
#include "server/names.h"
#include "server/port_watch.h"
#include "server/sources.h"
#include "server/worker.h"

namespace holdfast {
namespace {

// What to do about an address that cannot be listened on, where the cause is well known.
std::string_view listen_hint(int system) {
  switch (system) {
    case EADDRINUSE:
      return ". Another program has the port: stop it, or choose another address";
    case EACCES:
      return ". A port below 1024 needs CAP_NET_BIND_SERVICE, or a lower "
             "net.ipv4.ip_unprivileged_port_start";
    case EADDRNOTAVAIL:
      return ". No interface of this machine has this address";
    default:
      return "";
  }
}

// The same for a Unix socket.
std::string_view unix_hint(int system) {
  switch (system) {
    case EADDRINUSE:
      return ". Another program listens there: stop it, or choose another path";
    case EEXIST:
      return ". What is there is not a socket, and is left alone: remove it, or choose another "
             "path";
    case EACCES:
    case EPERM:
      return ". holdfast may not write to this folder";
    case ENOENT:
      return ". The folder does not exist: create it first";
    case EROFS:
      return ". The folder is read-only";
    default:
      return "";
  }
}

Unexpected start_failure(int system) {
  return unexpected({ErrorCode::local_failure, Side::local, system});
}

}  // namespace

Server::Server(Config config) : config_(std::move(config)), shared_(std::make_unique<Shared>()) {}

Server::~Server() {
  stop_now();
  wait();
}

Result<void> Server::start(FirstWorker first, std::function<void()> on_ended) {
  on_ended_ = std::move(on_ended);
  unsigned count = config_.workers == 0 ? usable_cpus() : config_.workers;
  count = std::min(count, max_workers);  // more CPUs than that are left alone
  if (auto failed = look_at_sources(); !failed) {
    return failed;
  }
  if (auto failed = share_limits(count); !failed) {
    return failed;
  }
  for (unsigned i = 0; i < count; ++i) {
    workers_.push_back(std::make_unique<Worker>(config_, *shared_, *this, i, count));
  }
  auto begun = begin_names();
  if (begun) {
    begun = open_access_log().and_then([this] { return open_listeners(); }).and_then([this] {
      return open_status();
    });
  }
  if (!begun) {
    names_.reset();
    workers_.clear();
    return begun;
  }
  for (const auto& worker : workers_) {
    worker->read_rosters();  // of what was written as addresses, before anybody may ask for it
  }
  names_->start();
  port_watch_ =
      std::make_unique<PortWatch>(workers_.front()->loop(), config_.upstreams, shared_->upstreams);
  running_ = count;
  for (unsigned i = first == FirstWorker::callers_thread ? 1 : 0; i < count; ++i) {
    workers_[i]->start([this] { worker_ended(); });
  }
  for (std::size_t i = 0; i < addresses_.size(); ++i) {
    const ListenerOptions& listener = config_.listeners[i];
    const std::string leads_to = listener.routes.empty()
                                     ? "upstream " + listener.upstream
                                     : fmt::format("{} routes", listener.routes.size());
    log::info("listening on {} (listener {}, {}, {} worker{})", addresses_[i].text(), listener.name,
              leads_to, count, count == 1 ? "" : "s");
  }
  if (status_address_) {
    log::info("status on http://{}/ (livez, readyz, metrics)", status_address_->text());
  }
  return {};
}

void Server::worker_ended() {
  if (--running_ == 0 && on_ended_) {
    on_ended_();
  }
}

Loop& Server::first_loop() { return workers_.front()->loop(); }

void Server::run_first_worker() {
  workers_.front()->run([this] { worker_ended(); });
}

Result<void> Server::look_at_sources() const {
  const SourceFaults faults = check_sources(config_);
  for (const std::string& warning : faults.warnings) {
    log::warn("{}", warning);
  }
  for (const std::string& error : faults.errors) {
    log::error("{}", error);
  }
  return faults.errors.empty() ? Result<void>() : start_failure(EADDRNOTAVAIL);
}

Result<void> Server::share_limits(unsigned workers) {
  const std::uint64_t limit = raise_descriptor_limit();
  const DescriptorPlan plan = plan_descriptors(config_, workers, limit);
  if (plan.for_clients == 0) {
    log::error(
        "{} file descriptors are too few: the upstreams alone may use {}. Raise the limit "
        "(ulimit -n, LimitNOFILE=) or lower pool.max_connections.",
        limit, plan.for_upstreams);
    return start_failure(EMFILE);
  }
  if (plan.for_clients < plan.wanted_by_clients) {
    log::warn(
        "{} file descriptors allow {} client connections, not the {} of max_connections; "
        "more clients will wait. Raise the limit (ulimit -n, LimitNOFILE=) to let them in.",
        limit, plan.for_clients, plan.wanted_by_clients);
  }
  shared_->memory_share = memory_budget(config_.memory) / workers;
  for (const ListenerOptions& listener : config_.listeners) {
    shared_->client_permits.push_back(std::make_unique<Permits>(client_cap(listener, plan)));
  }
  for (const UpstreamOptions& upstream : config_.upstreams) {
    shared_->upstreams.push_back(
        std::make_unique<SharedUpstream>(upstream, workers, shared_->next_endpoint));
  }
  return {};
}

// Literal addresses are known from here on; names once they are answered. Nobody waits for that: a
// DNS server that is late or down must not keep the rest from being served.
Result<void> Server::begin_names() {
  Loop& loop = workers_.front()->loop();
  resolver_ = std::make_unique<SystemResolver>(loop);
  names_ = std::make_unique<Names>(
      Names::Place{.clock = loop,
                   .timers = loop.timers(),
                   .resolver = *resolver_,
                   .seed = static_cast<std::uint64_t>(loop.now().time_since_epoch().count()),
                   .on_change = [this] {
                     for (const auto& worker : workers_) {
                       worker->follow_rosters();
                     }
                   }});
  for (std::size_t i = 0; i < config_.upstreams.size(); ++i) {
    if (const auto wrong = names_->add(config_.upstreams[i], *shared_->upstreams[i])) {
      log::error("upstream {}: {}", config_.upstreams[i].name, *wrong);
      return start_failure(0);
    }
  }
  return {};
}

Result<void> Server::open_access_log() {
  const AccessLogOptions& options = config_.access_log;
  if (options.format == AccessLogFormat::off) {
    return {};
  }
  log_thread_ = std::make_unique<LogThread>(options.path);
  for (const auto& worker : workers_) {
    worker->log_exchanges(options, log_thread_->add_lane());
  }
  if (const int failed = log_thread_->start(); failed != 0) {
    log::error("access_log.path: cannot open {} for writing: {}", options.path,
               std::strerror(failed));
    return start_failure(failed);
  }
  return {};
}

Result<void> Server::open_listeners() {
  for (std::size_t i = 0; i < config_.listeners.size(); ++i) {
    if (auto failed = open_listener(i); !failed) {
      const ListenerOptions& listener = config_.listeners[i];
      log::error("listener {}: cannot listen on {}: {}{}", listener.name, listener.address.text(),
                 std::strerror(failed.error().system),
                 listener.address.is_unix() ? unix_hint(failed.error().system)
                                            : listen_hint(failed.error().system));
      return failed;
    }
  }
  return {};
}

Result<void> Server::open_listener(std::size_t number) {
  return config_.listeners[number].address.is_unix() ? open_unix(number) : open_ports(number);
}

// SO_REUSEPORT does not exist here, so all workers listen on the same socket.
Result<void> Server::open_unix(std::size_t number) {
  const ListenerOptions& listener = config_.listeners[number];
  auto made = UnixSocket::bind(listener.address, listener.mode);
  if (!made) {
    return start_failure(made.error());
  }
  addresses_.push_back(listener.address);
  unix_sockets_.push_back(std::move(*made));
  for (const auto& worker : workers_) {
    const int descriptor = unix_sockets_.back().duplicate();
    const int failed = descriptor < 0 ? errno : worker->open_door(number, descriptor);
    if (failed != 0) {
      return start_failure(failed);
    }
  }
  unix_sockets_.back().leave_to_duplicates();
  return {};
}

// SO_REUSEPORT lets several sockets share a port, one per worker, but also a second holdfast of the
// same user, which would silently take half of the clients. So the port is bound exclusively first,
// to see that nobody has it.
Result<void> Server::open_ports(std::size_t number) {
  SocketAddress address = config_.listeners[number].address;
  const Duration write_timeout = config_.listeners[number].timeouts.write;
  auto first = open_listening_socket(address, PortSharing::exclusive, write_timeout);
  if (!first) {
    return start_failure(first.error());
  }
  address = bound_address(*first);
  addresses_.push_back(address);
  if (workers_.size() == 1) {
    const int failed = workers_.front()->open_door(number, *first);
    return failed == 0 ? Result<void>() : start_failure(failed);
  }
  ::close(*first);
  for (const auto& worker : workers_) {
    const auto shared = open_listening_socket(address, PortSharing::shared, write_timeout);
    if (!shared) {
      return start_failure(shared.error());
    }
    if (const int failed = worker->open_door(number, *shared); failed != 0) {
      return start_failure(failed);
    }
  }
  return {};
}

tl::expected<int, int> Server::open_status_socket(const SocketAddress& wanted) {
  if (!wanted.is_unix()) {
    const auto opened = open_listening_socket(wanted, PortSharing::exclusive);
    status_address_ = opened ? std::optional(bound_address(*opened)) : std::nullopt;
    return opened;
  }
  auto made = UnixSocket::bind(wanted, ListenerOptions().mode);
  if (!made) {
    return tl::unexpected(made.error());
  }
  status_address_ = wanted;
  const int descriptor = made->duplicate();
  const int failed = errno;
  made->leave_to_duplicates();
  unix_sockets_.push_back(std::move(*made));
  return descriptor >= 0 ? tl::expected<int, int>(descriptor) : tl::unexpected(failed);
}

// The default address is a convenience: a second holdfast on one machine must start all the same.
// One that somebody has chosen is relied on.
Result<void> Server::open_status() {
  const std::optional<SocketAddress>& wanted = config_.status.address;
  if (!wanted) {
    return {};
  }
  const auto descriptor = open_status_socket(*wanted);
  int failed = descriptor ? 0 : descriptor.error();
  if (descriptor) {
    failed = workers_.front()->open_status(config_, *this, *descriptor);
  }
  if (failed == 0) {
    return {};
  }
  status_address_.reset();
  if (failed == EADDRINUSE && wanted->text() == StatusOptions::default_address) {
    log::warn(
        "status: {} is taken by another program, so nothing is told here. Set status.address to "
        "another address, or to off",
        wanted->text());
    return {};
  }
  log::error("status: cannot listen on {}: {}{}", wanted->text(), std::strerror(failed),
             wanted->is_unix() ? unix_hint(failed) : listen_hint(failed));
  return start_failure(failed);
}

const SharedUpstream& Server::upstream(std::size_t number) const {
  return *shared_->upstreams.at(number);
}

SocketAddress Server::listening_address(std::size_t listener) const {
  return addresses_.at(listener);
}

std::uint64_t Server::lost_log_lines() const {
  return log_thread_ == nullptr ? 0 : log_thread_->lost();
}

void Server::drain() {
  announce_end();
  for (const auto& worker : workers_) {
    worker->drain();
  }
}

void Server::stop_now() {
  for (const auto& worker : workers_) {
    worker->stop_now();
  }
}

bool Server::reopen_logs() {
  if (log_thread_ != nullptr) {
    log_thread_->reopen();
  }
  return log_thread_ != nullptr;
}

void Server::wait() {
  for (const auto& worker : workers_) {
    worker->join();
  }
  if (!workers_.empty()) {
    if (log_thread_ != nullptr) {
      log_thread_->end();
    }
    log_counters();
    port_watch_.reset();
    names_.reset();
    resolver_.reset();
    workers_.clear();
  }
}

unsigned Server::count() const { return static_cast<unsigned>(workers_.size()); }

bool Server::ask(unsigned worker, WorkerReport& report, std::function<void()> told) {
  return workers_[worker]->tell(report, [this, told = std::move(told)] {
    static_cast<void>(workers_.front()->post(told));  // if that has ended, so has who asked
  });
}

void Server::wake(unsigned worker, std::size_t endpoint) { workers_[worker]->wake(endpoint); }

void Server::give(unsigned worker, SharedEndpoint& endpoint, MovedConnection moved) {
  if (!workers_[worker]->give(endpoint, moved)) {
    ::close(moved.descriptor);
    endpoint.forfeit(moved.source, monotonic_now());
  }
}

void Server::log_counters() const {
  Counters sum;
  for (const auto& worker : workers_) {
    sum.add(worker->counters());
  }
  std::string reasons;
  for (std::size_t i = 0; i < retirement_count; ++i) {
    if (sum.retirements[i] != 0) {
      reasons +=
          fmt::format(" {}={}", retirement_name(static_cast<Retirement>(i)), sum.retirements[i]);
    }
  }
  std::string errors;
  for (std::size_t i = 0; i < error_code_count; ++i) {
    if (sum.errors[i] != 0) {
      errors += fmt::format(" {}={}", error_row(static_cast<ErrorCode>(i)).name, sum.errors[i]);
    }
  }
  log::info(
      "ended: {} requests over {} client connections and {} backend connections; {} requests sent "
      "once more ({} answered, {} failed), {} not for the budget, {} tried at another server; "
      "backend connections retired:{}; errors:{}; {} idle clients shed, accepting stopped {} times",
      sum.requests, sum.client_connections, sum.upstream_opened, sum.replays, sum.replays_answered,
      sum.replays_failed, sum.replays_refused, sum.failovers, reasons.empty() ? " none" : reasons,
      errors.empty() ? " none" : errors, sum.clients_shed, sum.accepts_stopped);
}

}  // namespace holdfast
