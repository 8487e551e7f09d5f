#include "server/log_thread.h"

#include <poll.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <optional>
#include <semaphore>
#include <vector>

#include "base/log.h"
#include "base/log_target.h"
#include "net/clock.h"

namespace holdfast {
namespace {

constexpr int batch_ms = 10;              // between two writes while lines come
constexpr int retry_ms = 100;             // until a target that took nothing is tried again
constexpr Duration flush_time = 1s;       // for what waits at the end
constexpr Duration longest_end = 2s;      // then a thread that is stuck in the kernel is left there
constexpr Duration once_in_a_while = 1s;  // a look at the file, and a line about what is lost

std::size_t lines_in(std::string_view bytes) {
  return static_cast<std::size_t>(std::count(bytes.begin(), bytes.end(), '\n'));
}

}  // namespace

// All that the thread uses, so that it can be left alone with it should the kernel never let it go.
struct LogThread::Work {
  Work(std::string path, std::size_t bytes_per_lane)
      : target(std::move(path)), lane_bytes(bytes_per_lane) {}

  void run();
  void empty_lanes();
  [[nodiscard]] bool empty_lane(LogLane& lane);
  void open_again();
  void skip_torn_line();
  void look_after(TimePoint now);
  void tell_losses();
  void lose_the_rest();
  void wait();
  [[nodiscard]] bool all_empty() const;
  [[nodiscard]] std::uint64_t lost() const;

  Wakeup wakeup;
  LogTarget target;
  std::size_t lane_bytes;
  std::vector<std::unique_ptr<LogLane>> lanes;
  std::atomic<bool> reopening{false};
  std::atomic<bool> ending{false};
  std::atomic<bool> left_alone{false};  // nobody waits for the thread any more
  std::binary_semaphore ended{0};

  // The thread's own.
  LogLane* torn = nullptr;  // a line of its was taken in part: the rest goes before all else
  int failure = 0;          // why the target did not take all of the last batch
  bool wrote = false;       // some of it
  std::atomic<std::uint64_t> lost_here{0};  // lines that were in a lane
  std::uint64_t lost_told = 0;
  int failure_to_tell = 0;
  TimePoint next_look{};
};

void LogThread::Work::run() {
  std::optional<TimePoint> flush_until;
  while (true) {
    const TimePoint now = monotonic_now();
    if (reopening.exchange(false)) {
      open_again();
    }
    if (ending && !flush_until) {
      flush_until = now + flush_time;
    }
    if (now >= next_look) {
      look_after(now);
    }
    empty_lanes();
    if (flush_until && (all_empty() || now >= *flush_until)) {
      break;
    }
    wait();
  }
  lose_the_rest();
  if (!left_alone) {
    tell_losses();
  }
  ended.release();
}

void LogThread::Work::empty_lanes() {
  failure = 0;
  wrote = false;
  if (torn != nullptr && !empty_lane(*torn)) {
    return;
  }
  for (const auto& lane : lanes) {
    if (!empty_lane(*lane)) {
      return;
    }
  }
}

// False if the target does not take all of it.
bool LogThread::Work::empty_lane(LogLane& lane) {
  for (const std::string_view part : lane.ring().waiting()) {
    if (part.empty()) {
      continue;
    }
    const LogTarget::Taken taken = target.write(part);
    if (taken.bytes != 0) {
      wrote = true;
      torn = part[taken.bytes - 1] == '\n' ? nullptr : &lane;
      lane.ring().consume(taken.bytes);
    }
    if (taken.failure != 0) {
      failure = taken.failure;
      failure_to_tell = taken.failure;
      return false;
    }
  }
  return true;
}

void LogThread::Work::open_again() {
  const LogTarget::Opened opened = target.open();
  if (opened.failure != 0) {
    log::error("access log: cannot open {} again: {}; the old file is written on", target.path(),
               std::strerror(opened.failure));
  } else if (opened.another && torn != nullptr) {
    skip_torn_line();
  }
}

// The first part of a line is in another file: its rest would be no line in this one.
void LogThread::Work::skip_torn_line() {
  LineRing& ring = torn->ring();
  for (const std::string_view part : ring.waiting()) {
    const std::size_t end = part.find('\n');
    ring.consume(std::min(end, part.size() - 1) + 1);
    if (end != std::string_view::npos) {
      break;
    }
  }
  torn = nullptr;
  ++lost_here;
}

void LogThread::Work::look_after(TimePoint now) {
  next_look = now + once_in_a_while;
  if (target.deleted()) {
    open_again();
  }
  tell_losses();
}

void LogThread::Work::tell_losses() {
  const std::uint64_t lost_now = lost();
  if (lost_now == lost_told) {
    return;
  }
  const char* why = failure_to_tell == 0        ? "they come faster than they can be written"
                    : failure_to_tell == EAGAIN ? "nobody reads them"
                                                : std::strerror(failure_to_tell);
  log::warn("access log: {} lines to {} were lost: {}", lost_now - lost_told, target.path(), why);
  lost_told = lost_now;
  failure_to_tell = failure;
}

void LogThread::Work::lose_the_rest() {
  for (const auto& lane : lanes) {
    for (const std::string_view part : lane->ring().waiting()) {
      lost_here += lines_in(part);
      lane->ring().consume(part.size());
    }
  }
}

void LogThread::Work::wait() {
  std::array<pollfd, 2> asked{{{.fd = wakeup.descriptor(), .events = POLLIN, .revents = 0},
                               {.fd = -1, .events = POLLOUT, .revents = 0}}};
  int timeout = batch_ms;
  if (failure == EAGAIN) {
    asked[1].fd = target.descriptor();
    timeout = retry_ms;
  } else if (failure != 0) {
    timeout = retry_ms;
  } else if (!wrote && !ending) {
    wakeup.fall_asleep();
    timeout = all_empty() && !reopening && !ending ? -1 : 0;
  }
  // An interrupted wait is a short one.
  static_cast<void>(::poll(asked.data(), asked.size(), timeout));
  wakeup.wake_up();
}

bool LogThread::Work::all_empty() const {
  return std::all_of(lanes.begin(), lanes.end(),
                     [](const auto& lane) { return lane->ring().empty(); });
}

std::uint64_t LogThread::Work::lost() const {
  std::uint64_t sum = lost_here;
  for (const auto& lane : lanes) {
    sum += lane->lost();
  }
  return sum;
}

LogThread::LogThread(std::string path, std::size_t bytes_per_lane)
    : work_(std::make_unique<Work>(std::move(path), bytes_per_lane)) {}

LogThread::~LogThread() { end(); }

LogLane& LogThread::add_lane() {
  work_->lanes.push_back(std::make_unique<LogLane>(work_->lane_bytes, work_->wakeup));
  return *work_->lanes.back();
}

int LogThread::start() {
  const int failure = work_->target.open().failure;
  if (failure == 0) {
    thread_ = std::thread([work = work_.get()] { work->run(); });
  }
  return failure;
}

void LogThread::reopen() {
  work_->reopening = true;
  work_->wakeup.ring_loudly();
}

void LogThread::end() {
  if (!thread_.joinable()) {
    return;
  }
  work_->ending = true;
  work_->wakeup.ring_loudly();
  if (work_->ended.try_acquire_for(longest_end)) {
    thread_.join();
    return;
  }
  log::error("access log: {} takes no bytes and does not say so; what waits for it is lost",
             work_->target.path());
  lost_ = work_->lost();
  work_->left_alone = true;
  thread_.detach();
  static_cast<void>(work_.release());  // the thread still uses it, until the process ends
}

std::uint64_t LogThread::lost() const { return work_ ? work_->lost() : lost_; }

}  // namespace holdfast
