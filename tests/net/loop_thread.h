#pragma once

#include <functional>
#include <future>
#include <thread>

#include "base/check.h"
#include "net/clock.h"
#include "net/loop.h"

namespace holdfast {

// A loop that runs on a thread of its own, so that a test reads from top to bottom: each verb runs
// on the loop and is waited for. Nothing here sleeps; the patience only bounds a test that fails.
class LoopThread {
 public:
  static constexpr Duration patience = 20s;

  LoopThread() : thread_([this] { loop_.run(); }) {}
  LoopThread(const LoopThread&) = delete;
  LoopThread& operator=(const LoopThread&) = delete;
  ~LoopThread() {
    if (thread_.joinable()) {
      stop();
      join();
    }
  }

  [[nodiscard]] Loop& loop() { return loop_; }

  // Runs the task on the loop and returns what it returns; here, once the loop has ended.
  template <class Task>
  auto run(Task task) {
    std::packaged_task<decltype(task())()> packaged(std::move(task));
    auto result = packaged.get_future();
    if (!loop_.post([&packaged] { packaged(); })) {
      packaged();
    }
    check(result.wait_for(patience) == std::future_status::ready, "the loop of a test is stuck");
    return result.get();
  }

  // True as soon as the condition, asked on the loop, is.
  [[nodiscard]] bool eventually(const std::function<bool()>& condition) {
    const TimePoint end = monotonic_now() + patience;
    while (!run(condition)) {
      if (monotonic_now() > end) {
        return false;
      }
    }
    return true;
  }

  void stop() {
    run([this] { loop_.stop(); });
  }
  // Waits for the loop to end.
  void join() { thread_.join(); }

 private:
  Loop loop_;
  std::thread thread_;
};

}  // namespace holdfast
