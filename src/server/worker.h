#pragma once

#include <memory>
#include <string_view>
#include <thread>
#include <vector>

#include "admin/status.h"
#include "config/config.h"
#include "net/loop.h"
#include "net/tcp_stream.h"
#include "proxy/access_log.h"
#include "proxy/exchange.h"
#include "proxy/upstream.h"
#include "server/door.h"

namespace holdfast {

// Of the status listener. More of them wait.
inline constexpr std::uint32_t max_status_clients = 64;

// What all workers share: limits of the whole process.
struct Shared {
  std::size_t next_endpoint = 0;  // the number of the next endpoint, of all upstreams
  std::vector<std::unique_ptr<SharedUpstream>> upstreams;  // in the order of the configuration
  std::vector<std::unique_ptr<Permits>> client_permits;    // by listener
  std::uint64_t memory_share = 0;                          // of each worker, in bytes; 0 = no limit
};

// One thread with its loop and all that lives on it. Nothing of it is touched by another thread but
// through post-like calls, which are marked.
class Worker {
 public:
  Worker(const Config& config, Shared& shared, Neighbours& neighbours, unsigned number,
         unsigned workers);
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;
  ~Worker();

  // Before start(): opens the door of a listener on a bound socket. Returns an errno value.
  [[nodiscard]] int open_door(std::size_t listener, int descriptor);

  // Likewise the status listener's, which one worker has. `workers` are those it tells about.
  [[nodiscard]] int open_status(const Config& config, Workers& workers, int descriptor);

  // Before start(): makes a line of each exchange from now on and puts it on the lane.
  void log_exchanges(const AccessLogOptions& options, LogLane& lane);

  // Serves until it has been drained or stopped, on a thread of its own or on the caller's.
  // on_ended is called there when everything is closed.
  void start(std::function<void()> on_ended);
  void run(std::function<void()> on_ended);
  void join();

  // Its loop, for those who live on the same thread.
  [[nodiscard]] Loop& loop() { return loop_; }

  // From any thread. They return at once.
  void drain();
  void stop_now();
  void wake(std::size_t endpoint);
  // Runs a task on the worker's thread. False if the worker has ended.
  [[nodiscard]] bool post(std::function<void()> task) { return loop_.post(std::move(task)); }
  // Fills the report there, then calls `told` there.
  [[nodiscard]] bool tell(WorkerReport& report, std::function<void()> told);
  // Has it look at the rosters of the upstreams: they have changed.
  void follow_rosters();
  // The same at once: before start(), else on its own thread only.
  void read_rosters();
  // False if the worker has ended: the connection still belongs to the caller.
  [[nodiscard]] bool give(SharedEndpoint& endpoint, MovedConnection moved);

  // After join().
  [[nodiscard]] const Counters& counters() const { return context_.counters; }

 private:
  [[nodiscard]] Endpoint* find_endpoint(std::size_t number);
  void adopt(SharedEndpoint& endpoint, MovedConnection moved);
  void drain_upstreams();
  void begin_drain();
  void end_everything();
  void finish_if_empty();
  void end_loop();
  [[nodiscard]] std::size_t proxied_clients() const;
  void close_status();
  void fill(WorkerReport& report) const;

  Shared& shared_;
  Loop loop_;
  TcpStreams streams_;
  ClientConnections clients_;
  Exchanges exchanges_;
  UpstreamConnections upstream_connections_;
  Context context_;
  std::unique_ptr<AccessLog> access_log_;
  std::vector<std::unique_ptr<Upstream>> upstreams_;
  std::vector<std::unique_ptr<Door>> doors_;
  // Of the status listener, in the worker that has it.
  ListenerOptions status_listener_;
  Permits status_permits_{max_status_clients};
  std::unique_ptr<Status> status_;
  std::unique_ptr<Door> status_door_;
  bool status_shown_ = false;
  std::function<void()> on_ended_;
  std::thread thread_;
  bool ran_ = false;
};

}  // namespace holdfast
