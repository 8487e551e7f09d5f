#pragma once

#include <uv.h>

#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include "base/block_pool.h"
#include "base/slab.h"
#include "base/time.h"
#include "base/timer_wheel.h"
#include "net/clock.h"

namespace holdfast {

// What a stream borrows for a write that the kernel did not take at once: libuv's request and the
// bytes. An idle stream has none.
struct WriteRequest {
  uv_write_t request;
  Block kept;
};

// One libuv loop, its clock and its timer wheel; one per worker thread. Also lends what streams
// need only now and then, so that an idle stream stays small. Everything but post() belongs to the
// loop's thread.
class Loop final : public Clock {
 public:
  // Every read lands here: only one read runs at a time on a loop. Room for 64 KiB, a size that
  // many programs write in, and the head before them: else each such answer takes a second read and
  // write.
  static constexpr std::size_t read_bytes = 66 * 1024;

  Loop();
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;
  // All streams and listeners must have been closed and run() must have returned.
  ~Loop();

  // The loop's time: libuv reads it once per turn.
  [[nodiscard]] TimePoint now() const override {
    return TimePoint(std::chrono::milliseconds(uv_now(&uv_)));
  }

  [[nodiscard]] TimePoint fine_now() const override {
    if (fine_turn_ != turn_) {
      fine_turn_ = turn_;
      fine_now_ = monotonic_now();
    }
    return fine_now_;
  }

  [[nodiscard]] std::uint64_t turn() const override { return turn_; }

  // Runs until stop() was called and every stream is closed. An exception that gets here is one
  // that nobody expects; it ends the process before it can unwind through libuv.
  void run() noexcept;
  // Lets run() return once no stream and no listener is open any more, and calls on_empty then.
  void stop(std::function<void()> on_empty = nullptr);

  // Runs the task on the loop's thread, soon. From any thread. Returns false if the loop has ended,
  // or if so many tasks wait that there is no memory for another: then the task never runs.
  bool post(std::function<void()> task);

  [[nodiscard]] TimerWheel& timers() { return timers_; }
  [[nodiscard]] BlockPool& blocks() { return blocks_; }

 private:
  // So many tasks may wait without more memory: signals and the end of a worker come through
  // always.
  static constexpr std::size_t posted_at_ease = 64;

  friend class TcpStream;
  friend class Listener;
  friend class Signals;

  // Streams and listeners report here: libuv itself would not wait for one that does not read.
  void opened() { ++open_; }
  void closed();
  void end_if_empty();

  static void on_prepare(uv_prepare_t* prepare);
  static void on_tick(uv_timer_t* timer);
  static void on_wake(uv_async_t* async);
  void run_posted();

  // First: the clock below is read from it.
  mutable uv_loop_t uv_;
  uv_prepare_t prepare_;  // sets ticker_ to the wheel's next time before each poll
  uv_timer_t ticker_;
  uv_async_t wake_;
  uv_tcp_t first_;  // closed at once
  std::uint64_t turn_ = 1;
  mutable std::uint64_t fine_turn_ = 0;  // the turn in which fine_now_ was read
  mutable TimePoint fine_now_{};
  std::size_t open_ = 0;  // streams and listeners
  bool stopping_ = false;
  std::function<void()> on_empty_;
  TimePoint ticker_due_ = TimePoint::max();  // what ticker_ is set to; max if it is not

  BlockPool blocks_;
  TimerWheel timers_;
  std::unique_ptr<char[]> read_buffer_;
  Slab<WriteRequest> writes_;
  Slab<uv_connect_t> connects_;
  Slab<uv_shutdown_t> shutdowns_;

  std::vector<std::function<void()>> running_;  // empty but in run_posted()
  std::mutex posted_mutex_;                     // guards the two below
  std::vector<std::function<void()>> posted_;
  bool ended_ = false;
};

}  // namespace holdfast
