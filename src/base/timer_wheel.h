#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "base/list.h"
#include "base/time.h"

namespace holdfast {

struct TimerTag;
class TimerWheel;

// A deadline of its owner. Owners derive from it, say in on_deadline what follows, and disarm it
// before they go. Arming to a later time is only a store: the wheel looks again when the old time
// comes.
class Timer : private ListLink<TimerTag> {
 public:
  Timer() = default;
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;

  [[nodiscard]] bool armed() const { return deadline_ != never; }
  // Valid while armed.
  [[nodiscard]] TimePoint deadline() const { return deadline_; }

  // The deadline has passed; the timer is disarmed already. May arm it again or destroy it.
  virtual void on_deadline(TimePoint now) = 0;

 protected:
  // The owner has disarmed the timer by then.
  ~Timer() = default;

 private:
  friend class TimerWheel;
  friend class List<Timer, TimerTag>;
  static constexpr TimePoint never = TimePoint::max();

  TimePoint deadline_ = never;
  std::uint32_t slot_ = 0;  // valid while linked
};

// The timers of one worker: a hashed wheel with a slot per tick. Arming, re-arming and disarming
// cost O(1) and never allocate. A timer fires up to one tick late, never early. Knows no clock:
// time is an argument.
class TimerWheel {
 public:
  static constexpr Duration tick = 8ms;
  static constexpr std::uint32_t slots = 1024;

  explicit TimerWheel(TimePoint now) : current_(now.time_since_epoch() / tick) {}

  // Sets the timer to a deadline, whatever it was set to. The end of time, TimePoint::max(),
  // disarms.
  void arm(Timer& timer, TimePoint deadline);

  // Takes the timer off the wheel. Does nothing if it is not armed.
  void disarm(Timer& timer);

  // Calls on_deadline of each timer whose deadline has passed at `now`.
  void advance(TimePoint now);

  // When advance has to be called next, or nothing if no timer is armed. Never later than the
  // first deadline's tick, possibly earlier.
  [[nodiscard]] std::optional<TimePoint> next_advance() const;

 private:
  using Slot = List<Timer, TimerTag>;

  // The tick in which a deadline counts as passed: rounded up.
  static std::int64_t tick_of(TimePoint at) {
    return (at.time_since_epoch() + tick - Duration(1)) / tick;
  }
  void link(Timer& timer);
  void unlink(Timer& timer);
  void run_slot(std::uint32_t index, TimePoint now);

  std::array<Slot, slots> slots_;
  std::array<std::uint64_t, slots / 64> occupied_{};  // one bit per slot that is not empty
  std::int64_t current_;  // every tick up to and including this one has been run
};

}  // namespace holdfast
