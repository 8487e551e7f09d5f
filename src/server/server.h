#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "admin/census.h"
#include "base/result.h"
#include "config/config.h"
#include "net/address.h"
#include "net/unix_socket.h"
#include "proxy/context.h"

namespace holdfast {

class Loop;
class LogThread;
class Names;
class PortWatch;
class SharedUpstream;
class SystemResolver;
class Worker;
struct Shared;

// Where the first worker runs. On the caller's thread a proxy with one worker has no other thread
// at all, which makes every one of its system calls cheaper.
enum class FirstWorker : bool { own_thread, callers_thread };

// The proxy as a whole: its workers and what they share. Knows no signals: see serve().
class Server final : public Neighbours, private Workers {
 public:
  explicit Server(Config config);
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;
  ~Server();

  // Resolves the servers, binds the listeners and starts the workers. What goes wrong is logged
  // with what to do about it; the error's `system` is an errno value where there is one. on_ended
  // is called, on any worker's thread, when all of them have ended.
  [[nodiscard]] Result<void> start(FirstWorker first = FirstWorker::own_thread,
                                   std::function<void()> on_ended = nullptr);

  // For FirstWorker::callers_thread: its loop, and its work, until it has ended and nothing else is
  // open on the loop.
  [[nodiscard]] Loop& first_loop();
  void run_first_worker();

  // The address a listener is bound to, its port chosen by the kernel if 0 was asked for.
  [[nodiscard]] SocketAddress listening_address(std::size_t listener) const override;
  // Likewise of the status listener; none if there is none.
  [[nodiscard]] const std::optional<SocketAddress>& status_address() const {
    return status_address_;
  }

  // From any thread. announce_end: go on as before, but be not ready any more. drain: finish what
  // is under way and end. stop_now: end.
  void announce_end() { ending_ = true; }
  void drain();
  void stop_now();

  // From any thread: opens the file of the access log anew. False if there is none.
  bool reopen_logs();

  // Waits until all workers have ended.
  void wait();

  // The upstreams, in the order of the configuration: their addresses, and what is known of names.
  // From any thread, from start() until wait() returns.
  [[nodiscard]] const SharedUpstream& upstream(std::size_t number) const;

 private:
  void wake(unsigned worker, std::size_t endpoint) override;
  void give(unsigned worker, SharedEndpoint& endpoint, MovedConnection moved) override;

  [[nodiscard]] unsigned count() const override;
  [[nodiscard]] bool ask(unsigned worker, WorkerReport& report,
                         std::function<void()> told) override;
  [[nodiscard]] bool ending() const override { return ending_; }
  [[nodiscard]] std::uint64_t lost_log_lines() const override;

  [[nodiscard]] Result<void> look_at_sources() const;
  [[nodiscard]] Result<void> share_limits(unsigned workers);
  [[nodiscard]] Result<void> begin_names();
  [[nodiscard]] Result<void> open_access_log();
  [[nodiscard]] Result<void> open_listeners();
  [[nodiscard]] Result<void> open_listener(std::size_t number);
  [[nodiscard]] Result<void> open_status();
  [[nodiscard]] Result<void> open_ports(std::size_t number);
  [[nodiscard]] Result<void> open_unix(std::size_t number);
  [[nodiscard]] tl::expected<int, int> open_status_socket(const SocketAddress& wanted);
  void worker_ended();
  void log_counters() const;

  const Config config_;
  std::unique_ptr<Shared> shared_;
  std::unique_ptr<LogThread> log_thread_;  // if there is an access log
  std::vector<std::unique_ptr<Worker>> workers_;
  std::unique_ptr<SystemResolver> resolver_;  // these three live on the first worker's loop
  std::unique_ptr<Names> names_;
  std::unique_ptr<PortWatch> port_watch_;
  std::vector<SocketAddress> addresses_;  // by listener
  std::optional<SocketAddress> status_address_;
  std::vector<UnixSocket> unix_sockets_;  // of listeners that have one
  std::function<void()> on_ended_;
  std::atomic<bool> ending_{false};
  std::atomic<std::size_t> running_{0};
};

// Runs the proxy until a signal ends it: TERM, QUIT and the first INT drain, a second TERM or INT
// ends at once. Returns the process's exit code: 0 after a drain, 1 if it could not start or what
// was under way had to be cut short (the reason is in the log).
[[nodiscard]] int serve(const Config& config);

}  // namespace holdfast
