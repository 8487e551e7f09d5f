#include "base/timer_wheel.h"

#include <algorithm>
#include <bit>

namespace holdfast {

void TimerWheel::arm(Timer& timer, TimePoint deadline) {
  if (deadline == Timer::never) {
    disarm(timer);
    return;
  }
  const bool later = timer.linked() && deadline >= timer.deadline_;
  timer.deadline_ = deadline;
  if (later) {
    return;  // the slot it is on comes earlier and moves it on
  }
  if (timer.linked()) {
    unlink(timer);
  }
  link(timer);
}

void TimerWheel::disarm(Timer& timer) {
  timer.deadline_ = Timer::never;
  if (timer.linked()) {
    unlink(timer);
  }
}

// A deadline beyond the wheel's span waits in the last slot and is moved on from there.
void TimerWheel::link(Timer& timer) {
  const std::int64_t due = std::clamp(tick_of(timer.deadline_), current_ + 1, current_ + slots - 1);
  timer.slot_ = static_cast<std::uint32_t>(due % slots);
  slots_[timer.slot_].push_back(timer);
  occupied_[timer.slot_ / 64] |= std::uint64_t{1} << (timer.slot_ % 64);
}

void TimerWheel::unlink(Timer& timer) {
  Slot& slot = slots_[timer.slot_];
  slot.remove(timer);
  if (slot.empty()) {
    occupied_[timer.slot_ / 64] &= ~(std::uint64_t{1} << (timer.slot_ % 64));
  }
}

// The loop's clock counts whole milliseconds and a deadline's tick is rounded up, so a tick whose
// time has come holds only deadlines that have passed or were moved on.
void TimerWheel::advance(TimePoint now) {
  const std::int64_t target = now.time_since_epoch() / tick;
  if (target - current_ >= slots) {
    current_ = target - slots;  // after a long stall each slot is run once
  }
  while (current_ < target) {
    ++current_;
    run_slot(static_cast<std::uint32_t>(current_ % slots), now);
  }
}

void TimerWheel::run_slot(std::uint32_t index, TimePoint now) {
  // Timers linked while the slot is run land in later slots, so the loop ends.
  while (Timer* timer = slots_[index].front()) {
    unlink(*timer);
    if (timer->deadline_ > now) {
      link(*timer);
      continue;
    }
    timer->deadline_ = Timer::never;
    timer->on_deadline(now);
  }
}

std::optional<TimePoint> TimerWheel::next_advance() const {
  const auto start = static_cast<std::uint32_t>((current_ + 1) % slots);
  for (std::uint32_t step = 0; step <= slots / 64; ++step) {
    const std::uint32_t word = (start / 64 + step) % (slots / 64);
    std::uint64_t bits = occupied_[word];
    if (step == 0) {
      bits &= ~std::uint64_t{0} << (start % 64);
    } else if (step == slots / 64) {
      bits &= ~(~std::uint64_t{0} << (start % 64));
    }
    if (bits != 0) {
      const std::uint32_t slot = word * 64 + static_cast<std::uint32_t>(std::countr_zero(bits));
      const std::int64_t ahead = (slot + slots - start) % slots;
      return TimePoint((current_ + 1 + ahead) * tick);
    }
  }
  return std::nullopt;
}

}  // namespace holdfast
