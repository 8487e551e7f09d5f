#include "ports/port_ledger.h"

#include <algorithm>

#include "base/check.h"

namespace holdfast {

void PortUse::add(const PortUse& other) {
  limit += other.limit;
  live += other.live;
  time_wait += other.time_wait;
  others += other.others;
  reusable += other.reusable;
}

PortBudget judge(const PortUse& use) {
  if (use.limit == 0) {
    return PortBudget::ample;
  }
  constexpr std::uint32_t last_few = 8;
  const std::uint32_t reserve = std::min(std::max(last_few, use.limit / 50), use.limit / 4);
  if (use.left() <= reserve) {
    return PortBudget::spent;
  }
  return use.used() > use.limit / 2 ? PortBudget::scarce : PortBudget::ample;
}

PortLedger::PortLedger(std::size_t sources)
    : sources_(sources), entries_(std::make_unique<Entry[]>(sources)) {}

void PortLedger::closed(std::size_t source, PortAfter after, TimePoint now) {
  const std::uint32_t before = at(source).live.fetch_sub(1, std::memory_order_relaxed);
  check(before > 0, "a port is given back that was never taken");
  if (after == PortAfter::in_time_wait) {
    at(source).time_waits.add(now);
  }
}

void PortLedger::bar(std::size_t source, TimePoint until) {
  at(source).barred_until.store(until.time_since_epoch().count(), std::memory_order_relaxed);
}

void PortLedger::set_seen(std::size_t source, std::uint32_t ports, TimePoint now) {
  Entry& entry = at(source);
  const std::uint32_t ours =
      entry.live.load(std::memory_order_relaxed) + entry.time_waits.count(now);
  entry.others.store(ports > ours ? ports - ours : 0, std::memory_order_relaxed);
  entry.gone.store(ours > ports ? ours - ports : 0, std::memory_order_relaxed);
}

PortUse PortLedger::use(std::size_t source, TimePoint now) const {
  const Entry& entry = at(source);
  const std::uint32_t made = entry.time_waits.count(now);
  const std::uint32_t there = made - std::min(made, entry.gone.load(std::memory_order_relaxed));
  const std::uint32_t fresh = std::min(there, entry.time_waits.made_since(now, 1s));
  return {.limit = limit(),
          .live = entry.live.load(std::memory_order_relaxed),
          .time_wait = there,
          .others = entry.others.load(std::memory_order_relaxed),
          .reusable = reuses_.load(std::memory_order_relaxed) ? there - fresh : 0};
}

PortUse PortLedger::use(TimePoint now) const {
  PortUse sum;
  for (std::size_t source = 0; source < sources_; ++source) {
    sum.add(use(source, now));
  }
  return sum;
}

PortBudget PortLedger::budget(TimePoint now) const {
  PortBudget best = sources_ == 0 ? PortBudget::ample : PortBudget::spent;
  for (std::size_t source = 0; source < sources_; ++source) {
    best = std::min(best, judge(use(source, now)));
  }
  return best;
}

std::optional<std::size_t> PortLedger::least_used(TimePoint now) const {
  std::optional<std::size_t> best;
  std::uint32_t fewest = 0;
  for (std::size_t source = 0; source < sources_; ++source) {
    const Duration until(at(source).barred_until.load(std::memory_order_relaxed));
    const std::uint32_t used = now.time_since_epoch() < until ? 0 : use(source, now).used();
    if (now.time_since_epoch() >= until && (!best || used < fewest)) {
      best = source;
      fewest = used;
    }
  }
  return best;
}

// Second by second: those of today go, as many as lately come.
std::optional<Duration> PortLedger::time_left(TimePoint now) const {
  const PortUse all = use(now);
  std::uint64_t recent = 0;
  for (std::size_t source = 0; source < sources_; ++source) {
    recent += at(source).time_waits.made_since(now, rate_window);
  }
  if (all.limit == 0 || recent == 0 || reuses_.load(std::memory_order_relaxed)) {
    return std::nullopt;
  }
  const auto window = static_cast<std::uint64_t>(rate_window / 1s);
  for (Duration ahead{}; ahead <= TimeWaitRing::lifetime; ahead += 1s) {
    std::uint64_t used = all.live + all.others;
    for (std::size_t source = 0; source < sources_; ++source) {
      used += at(source).time_waits.made_since(now, TimeWaitRing::lifetime - ahead);
    }
    used += recent * static_cast<std::uint64_t>(ahead / 1s) / window;
    if (used >= all.limit) {
      return ahead;
    }
  }
  return std::nullopt;
}

}  // namespace holdfast
