#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>

#include "base/time.h"
#include "ports/time_wait_ring.h"

namespace holdfast {

// What is spent of the local ports from one source address to one destination.
struct PortUse {
  std::uint32_t limit = 0;      // ports there are; 0 = not known, or none are needed
  std::uint32_t live = 0;       // of our connections, attempts included
  std::uint32_t time_wait = 0;  // of connections that we closed first
  std::uint32_t others = 0;     // other programs', when somebody looked last
  std::uint32_t reusable = 0;   // of those in TIME_WAIT, the ones that the kernel gives out again

  [[nodiscard]] std::uint32_t used() const { return live + time_wait - reusable + others; }
  [[nodiscard]] std::uint32_t left() const { return used() < limit ? limit - used() : 0; }
  void add(const PortUse& other);
};

// How freely ports may be spent.
enum class PortBudget : std::uint8_t {
  ample,
  // Over half is used: the kernel searches the second half of its range far more slowly, and what
  // is left is for those who need it more.
  scarce,
  // The last few are for whoever has no connection at all.
  spent,
};

[[nodiscard]] PortBudget judge(const PortUse& use);

// What a connection that is closed leaves to its port.
enum class PortAfter : std::uint8_t { is_free, in_time_wait };

// The local ports that connections to one destination use, by source address, kept by our own
// events without a system call. Shared by all workers: touched when a connection is opened or
// closed, never per request. Knows addresses by their place in the list only.
class PortLedger {
 public:
  // How far back the present rate looks.
  static constexpr Duration rate_window = 10s;

  explicit PortLedger(std::size_t sources);

  // --- Events ---
  void opened(std::size_t source) { at(source).live.fetch_add(1, std::memory_order_relaxed); }
  void closed(std::size_t source, PortAfter after, TimePoint now);
  // The kernel had no port left from there: it is not asked again before `until`.
  void bar(std::size_t source, TimePoint until);

  // --- What only the kernel knows ---
  void set_limit(std::uint32_t ports) { limit_.store(ports, std::memory_order_relaxed); }
  // It gives out ports again that have been in TIME_WAIT for a second (tcp_tw_reuse), as over
  // loopback.
  void set_reuse(bool reuses) { reuses_.store(reuses, std::memory_order_relaxed); }
  // So many ports towards the destination are in use from there, by whomever.
  void set_seen(std::size_t source, std::uint32_t ports, TimePoint now);

  // --- Answers ---
  [[nodiscard]] std::size_t sources() const { return sources_; }
  [[nodiscard]] std::uint32_t limit() const { return limit_.load(std::memory_order_relaxed); }
  [[nodiscard]] PortUse use(std::size_t source, TimePoint now) const;
  // Of all source addresses together.
  [[nodiscard]] PortUse use(TimePoint now) const;
  // The best that any source address has to offer.
  [[nodiscard]] PortBudget budget(TimePoint now) const;
  // The one with the fewest ports in use that is not barred; nothing if all are.
  [[nodiscard]] std::optional<std::size_t> least_used(TimePoint now) const;
  // When the last port goes if as many TIME_WAITs are made each second as lately, and nothing if
  // that can go on for ever.
  [[nodiscard]] std::optional<Duration> time_left(TimePoint now) const;

 private:
  struct Entry {
    std::atomic<std::uint32_t> live{0};
    std::atomic<std::uint32_t> others{0};
    std::atomic<std::uint32_t> gone{0};  // our TIME_WAITs that the kernel has given up early
    std::atomic<Duration::rep> barred_until{0};
    TimeWaitRing time_waits;
  };

  [[nodiscard]] Entry& at(std::size_t source) { return entries_[source]; }
  [[nodiscard]] const Entry& at(std::size_t source) const { return entries_[source]; }

  const std::size_t sources_;
  std::unique_ptr<Entry[]> entries_;
  std::atomic<std::uint32_t> limit_{0};  // of each source address
  std::atomic<bool> reuses_{false};
};

}  // namespace holdfast
