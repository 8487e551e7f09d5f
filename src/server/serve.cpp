#include <csignal>
#include <cstring>
#include <optional>

#include "base/log.h"
#include "net/loop.h"
#include "net/signals.h"
#include "server/server.h"

namespace holdfast {
namespace {

const std::vector<int> watched_signals{SIGTERM, SIGINT, SIGQUIT, SIGHUP, SIGUSR1, SIGUSR2};

long seconds(Duration duration) {
  return std::chrono::ceil<std::chrono::seconds>(duration).count();
}

// The life of a started server until its end, as signals steer it. Lives on the first worker's
// loop, which is the main thread's.
class Supervisor final : private Timer {
 public:
  Supervisor(const ShutdownOptions& options, Server& server)
      : options_(options),
        server_(server),
        loop_(server.first_loop()),
        signals_(loop_, watched_signals, [this](int number) { on_signal(number); }) {}
  Supervisor(const Supervisor&) = delete;
  Supervisor& operator=(const Supervisor&) = delete;
  ~Supervisor() { loop_.timers().disarm(*this); }

  // All workers have ended: nothing is left to wait for. From any thread.
  void on_ended() {
    static_cast<void>(loop_.post([this] {  // it runs: the signals keep the loop alive
      loop_.timers().disarm(*this);
      signals_.stop();
    }));
  }

  [[nodiscard]] bool cut_short() const { return stage_ == Stage::stopping; }

 private:
  enum class Stage { serving, delaying, draining, stopping };

  void on_signal(int number) {
    if (number == SIGHUP) {
      log::warn("SIGHUP: nothing was reloaded; restart holdfast to apply a changed configuration");
    } else if (number == SIGUSR1) {
      reopen_logs();
    } else if (number == SIGUSR2) {
      log::warn("SIGUSR2: ignored; another binary takes over only after a restart");
    } else if (stage_ == Stage::serving) {
      log::info(
          "{}: accepting for {} s more, then finishing what is under way within {} s; a second "
          "one ends at once",
          strsignal(number), seconds(options_.delay), seconds(options_.timeout));
      stage_ = Stage::delaying;
      server_.announce_end();
      if (options_.delay == Duration::zero()) {
        drain();
      } else {
        loop_.timers().arm(*this, loop_.now() + options_.delay);
      }
    } else if (number != SIGQUIT) {
      stop("a second signal");
    }
  }

  void reopen_logs() {
    if (server_.reopen_logs()) {
      log::info("SIGUSR1: the access log is opened anew");
    } else {
      log::warn("SIGUSR1: ignored; the log goes to standard error, there is no file to reopen");
    }
  }

  void on_deadline(TimePoint) override {
    if (stage_ == Stage::delaying) {
      drain();
    } else if (stage_ == Stage::draining) {
      stop("shutdown.timeout");
    }
  }

  void drain() {
    stage_ = Stage::draining;
    loop_.timers().arm(*this, loop_.now() + options_.timeout);
    server_.drain();
  }

  void stop(const char* why) {
    if (stage_ != Stage::stopping) {
      log::warn("{}: what was under way is cut short", why);
      stage_ = Stage::stopping;
      server_.stop_now();
    }
  }

  const ShutdownOptions& options_;
  Server& server_;
  Loop& loop_;
  Signals signals_;
  Stage stage_ = Stage::serving;
};

}  // namespace

int serve(const Config& config) {
  Server server(config);
  std::optional<Supervisor> supervisor;
  // Whoever reads that we listen may send a signal at once: it must not find nobody watching.
  std::optional<HeldSignals> held(watched_signals);
  if (!server.start(FirstWorker::callers_thread, [&] { supervisor->on_ended(); })) {
    return 1;
  }
  supervisor.emplace(config.shutdown, server);
  held.reset();
  server.run_first_worker();
  const bool cut_short = supervisor->cut_short();
  supervisor.reset();
  server.wait();
  return cut_short ? 1 : 0;
}

}  // namespace holdfast
