#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <vector>

#include "base/result.h"
#include "config/config.h"
#include "net/address.h"
#include "proxy/context.h"

namespace holdfast {

class Loop;
class Worker;
struct Shared;

// Where the first worker runs. On the caller's thread a proxy with one worker has no other thread
// at all, which makes every one of its system calls cheaper.
enum class FirstWorker : bool { own_thread, callers_thread };

// The proxy as a whole: its workers and what they share. Knows no signals: see serve().
class Server final : public Neighbours {
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
  [[nodiscard]] SocketAddress listening_address(std::size_t listener) const;

  // From any thread. drain: finish what is under way and end. stop_now: end.
  void drain();
  void stop_now();

  // Waits until all workers have ended.
  void wait();

 private:
  void wake(unsigned worker, std::size_t endpoint) override;
  void give(unsigned worker, std::size_t endpoint, MovedConnection moved) override;

  [[nodiscard]] Result<void> share_limits(unsigned workers);
  [[nodiscard]] Result<void> open_listeners();
  [[nodiscard]] Result<void> open_listener(std::size_t number);
  void worker_ended();
  void log_counters() const;

  const Config config_;
  std::unique_ptr<Shared> shared_;
  std::vector<std::unique_ptr<Worker>> workers_;
  std::vector<SocketAddress> addresses_;  // by listener
  std::function<void()> on_ended_;
  std::atomic<std::size_t> running_{0};
};

// Runs the proxy until a signal ends it: TERM, QUIT and the first INT drain, a second TERM or INT
// ends at once. Returns the process's exit code: 0 after a drain, 1 if it could not start or what
// was under way had to be cut short (the reason is in the log).
[[nodiscard]] int serve(const Config& config);

}  // namespace holdfast
