#include "net/loop.h"

#include <utility>

#include "base/check.h"
#include "base/memory.h"

namespace holdfast {
namespace {

TimePoint first_now(uv_loop_t* uv) {
  check(uv_loop_init(uv) == 0, "libuv could not make a loop");
  return TimePoint(std::chrono::milliseconds(uv_now(uv)));
}

}  // namespace

Loop::Loop()
    : timers_(first_now(&uv_)), read_buffer_(std::make_unique_for_overwrite<char[]>(read_bytes)) {
  uv_.data = this;
  posted_.reserve(posted_at_ease);
  running_.reserve(posted_at_ease);
  check(uv_prepare_init(&uv_, &prepare_) == 0);
  check(uv_prepare_start(&prepare_, on_prepare) == 0);
  check(uv_timer_init(&uv_, &ticker_) == 0);
  check(uv_async_init(&uv_, &wake_, on_wake) == 0, "libuv could not make a wake-up");
  // libuv opens a spare descriptor with its first stream. Now, so that from here on the number of
  // descriptors tells of connections only.
  check(uv_tcp_init(&uv_, &first_) == 0, "libuv could not make a stream");
  uv_close(reinterpret_cast<uv_handle_t*>(&first_), nullptr);
  // These serve the others and must not keep the loop alive; wake_ does until stop().
  uv_unref(reinterpret_cast<uv_handle_t*>(&prepare_));
  uv_unref(reinterpret_cast<uv_handle_t*>(&ticker_));
}

Loop::~Loop() {
  uv_close(reinterpret_cast<uv_handle_t*>(&prepare_), nullptr);
  uv_close(reinterpret_cast<uv_handle_t*>(&ticker_), nullptr);
  uv_close(reinterpret_cast<uv_handle_t*>(&wake_), nullptr);
  uv_run(&uv_, UV_RUN_DEFAULT);
  check(uv_loop_close(&uv_) == 0, "a loop is destroyed while something is open on it");
}

void Loop::run() noexcept {
  uv_run(&uv_, UV_RUN_DEFAULT);
  {
    const std::lock_guard lock(posted_mutex_);
    ended_ = true;
  }
  run_posted();
  // The last tasks may have opened streams: a connection from another worker comes too late, and is
  // closed. That takes a turn.
  uv_run(&uv_, UV_RUN_DEFAULT);
}

void Loop::stop(std::function<void()> on_empty) {
  if (!stopping_) {
    stopping_ = true;
    on_empty_ = std::move(on_empty);
    end_if_empty();
  }
}

void Loop::closed() {
  --open_;
  end_if_empty();
}

// The wake-up is all that keeps the loop alive by itself.
void Loop::end_if_empty() {
  if (stopping_ && open_ == 0) {
    uv_unref(reinterpret_cast<uv_handle_t*>(&wake_));
    if (const auto tell = std::exchange(on_empty_, nullptr)) {
      tell();
    }
  }
}

bool Loop::post(std::function<void()> task) {
  const std::lock_guard lock(posted_mutex_);
  if (ended_) {
    return false;
  }
  if (!has_memory_for([&] { posted_.push_back(std::move(task)); })) {
    return false;
  }
  uv_async_send(&wake_);
  return true;
}

void Loop::run_posted() {
  {
    const std::lock_guard lock(posted_mutex_);
    running_.swap(posted_);
  }
  for (const auto& task : running_) {
    task();
  }
  running_.clear();
}

void Loop::on_wake(uv_async_t* async) { static_cast<Loop*>(async->loop->data)->run_posted(); }

// Runs before each poll. The wheel moves a timer to a later time without a word, so the ticker may
// come early and find nothing; it must never come late.
void Loop::on_prepare(uv_prepare_t* prepare) {
  Loop& loop = *static_cast<Loop*>(prepare->loop->data);
  ++loop.turn_;
  const auto due = loop.timers_.next_advance().value_or(TimePoint::max());
  if (due == loop.ticker_due_) {
    return;
  }
  loop.ticker_due_ = due;
  if (due == TimePoint::max()) {
    uv_timer_stop(&loop.ticker_);
    return;
  }
  const auto wait = std::chrono::ceil<std::chrono::milliseconds>(due - loop.now()).count();
  uv_timer_start(&loop.ticker_, on_tick, wait > 0 ? static_cast<std::uint64_t>(wait) : 0, 0);
}

void Loop::on_tick(uv_timer_t* timer) {
  Loop& loop = *static_cast<Loop*>(timer->loop->data);
  loop.ticker_due_ = TimePoint::max();
  loop.timers_.advance(loop.now());
}

}  // namespace holdfast
