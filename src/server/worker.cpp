#include "server/worker.h"

#include <unistd.h>

#include <algorithm>
#include <utility>

#include "base/memory.h"
#include "net/clock.h"

namespace holdfast {

Worker::Worker(const Config& config, Shared& shared, Neighbours& neighbours, unsigned number,
               unsigned workers)
    : shared_(shared),
      streams_(loop_),
      context_{.clock = loop_,
               .timers = loop_.timers(),
               .blocks = loop_.blocks(),
               .streams = streams_,
               .neighbours = neighbours,
               .clients = clients_,
               .exchanges = exchanges_,
               .upstream_connections = upstream_connections_,
               .worker = number,
               .workers = workers} {
  context_.memory_limit = shared.memory_share;
  context_.random_state += number * 0x2545f4914f6cdd1d;
  for (std::size_t i = 0; i < config.upstreams.size(); ++i) {
    upstreams_.push_back(std::make_unique<Upstream>(context_, config.upstreams[i]));
  }
  read_rosters();
  std::vector<Upstream*> all;
  for (const auto& upstream : upstreams_) {
    all.push_back(upstream.get());
  }
  for (std::size_t i = 0; i < config.listeners.size(); ++i) {
    doors_.push_back(std::make_unique<Door>(context_, loop_, config.listeners[i], all,
                                            *shared.client_permits[i],
                                            [this] { finish_if_empty(); }));
  }
}

Worker::~Worker() {
  if (thread_.joinable()) {
    stop_now();
    join();
  } else if (!ran_) {
    // Never started: close what open_door and open_status have opened.
    for (const auto& door : doors_) {
      door->close();
    }
    if (status_door_) {
      status_door_->close();
    }
    loop_.stop();
    loop_.run();
  }
}

int Worker::open_status(const Config& config, Workers& workers, int descriptor) {
  status_listener_.name = "status";
  status_listener_.max_connections = max_status_clients;
  status_ = std::make_unique<Status>(config, workers, context_.timers, context_.clock);
  status_door_ =
      std::make_unique<Door>(context_, loop_, status_listener_, std::span<Upstream* const>{},
                             status_permits_, [this] { finish_if_empty(); });
  status_door_->answer_by(status_->responder());
  status_shown_ = true;
  return status_door_->open(descriptor);
}

int Worker::open_door(std::size_t listener, int descriptor) {
  return doors_[listener]->open(descriptor);
}

void Worker::log_exchanges(const AccessLogOptions& options, LogLane& lane) {
  access_log_ = std::make_unique<AccessLog>(options, lane, context_.random());
  context_.exchange_reader = access_log_.get();
  context_.keeps_heads = true;
}

void Worker::start(std::function<void()> on_ended) {
  thread_ = std::thread([this, ended = std::move(on_ended)] { run(ended); });
}

void Worker::run(std::function<void()> on_ended) {
  on_ended_ = std::move(on_ended);
  ran_ = true;
  loop_.run();
}

void Worker::join() {
  if (thread_.joinable()) {
    thread_.join();
  }
}

// A post of these fails only when the loop has ended, and then there is nothing left to drain or to
// stop.
void Worker::drain() {
  static_cast<void>(loop_.post([this] { begin_drain(); }));
}

void Worker::stop_now() {
  static_cast<void>(loop_.post([this] { end_everything(); }));
}

void Worker::wake(std::size_t endpoint) {
  static_cast<void>(loop_.post([this, endpoint] {
    if (Endpoint* woken = find_endpoint(endpoint)) {
      woken->on_wake();
    }
  }));
}

bool Worker::tell(WorkerReport& report, std::function<void()> told) {
  return loop_.post([this, &report, asked = monotonic_now(), told = std::move(told)] {
    fill(report);
    report.lag = monotonic_now() - asked;
    told();
  });
}

// Whoever changes a roster calls again as long as anything is on its way out.
void Worker::follow_rosters() {
  static_cast<void>(loop_.post([this] { read_rosters(); }));
}

void Worker::read_rosters() {
  for (std::size_t i = 0; i < upstreams_.size(); ++i) {
    Roster roster;
    if (has_memory_for([&] { roster = shared_.upstreams[i]->roster(); })) {
      upstreams_[i]->follow(roster);
    }
  }
}

Endpoint* Worker::find_endpoint(std::size_t number) {
  for (const auto& upstream : upstreams_) {
    if (Endpoint* found = upstream->find(number)) {
      return found;
    }
  }
  return nullptr;
}

bool Worker::give(SharedEndpoint& endpoint, MovedConnection moved) {
  bool posted = false;
  const bool has_memory = has_memory_for(
      [&] { posted = loop_.post([this, &endpoint, moved] { adopt(endpoint, moved); }); });
  return has_memory && posted;
}

void Worker::adopt(SharedEndpoint& endpoint, MovedConnection moved) {
  if (Endpoint* found = find_endpoint(endpoint.number)) {
    found->adopt(moved);
    return;
  }
  ::close(moved.descriptor);
  endpoint.forfeit(moved.source, loop_.now());
}

void Worker::drain_upstreams() {
  for (const auto& upstream : upstreams_) {
    upstream->drain();
  }
}

// Clients between two requests are let go; those with a request get their answer with
// `Connection: close`.
void Worker::begin_drain() {
  if (context_.draining) {
    return;
  }
  context_.draining = true;
  for (const auto& door : doors_) {
    door->close();
  }
  clients_.for_each([](ClientConnection& client) { client.drain(); });
  drain_upstreams();
  finish_if_empty();
}

void Worker::end_everything() {
  begin_drain();
  clients_.for_each([](ClientConnection& client) { client.abort(); });
  upstream_connections_.for_each([](UpstreamConnection& connection) {
    connection.endpoint().retire(connection, Retirement::shutdown);
  });
  close_status();
  end_loop();
}

void Worker::end_loop() {
  loop_.stop([this] { on_ended_(); });
}

std::size_t Worker::proxied_clients() const {
  std::size_t clients = 0;
  for (const auto& door : doors_) {
    clients += door->clients();
  }
  return clients;
}

// The status pages are shown as long as anything else is under way, and keep nothing alive.
void Worker::close_status() {
  if (std::exchange(status_shown_, false)) {
    status_->on_end();
    status_door_->close();
    clients_.for_each([](ClientConnection& client) { client.abort(); });
  }
}

void Worker::finish_if_empty() {
  if (!context_.draining || proxied_clients() != 0) {
    return;
  }
  close_status();
  if (clients_.in_use() == 0) {
    drain_upstreams();
    end_loop();
  }
}

}  // namespace holdfast
