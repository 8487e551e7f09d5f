#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <thread>
#include <vector>

#include "base/timer_wheel.h"
#include "net/loop.h"
#include "ports/port_ledger.h"
#include "proxy/shared_upstream.h"

namespace holdfast {

// Keeps the ledgers of ports true: tells them how many ports there are, lets them judge again as
// TIME_WAITs end, and compares them with what the kernel has: once a minute while connections are
// used, and within a second where a ledger is in doubt. The kernel is asked on a thread of its own,
// which lives as long as the question, since it may walk over many thousands of sockets. Lives on
// one loop's thread.
class PortWatch final : private Timer {
 public:
  static constexpr Duration interval = 1s;
  static constexpr Duration check_interval = 60s;

  PortWatch(Loop& loop, const std::vector<UpstreamOptions>& options,
            const std::vector<std::unique_ptr<SharedUpstream>>& upstreams);
  PortWatch(const PortWatch&) = delete;
  PortWatch& operator=(const PortWatch&) = delete;
  // Waits for the question under way.
  ~PortWatch();

 private:
  // One destination, as its own thread asks about it. Knows no endpoint: that may be gone by then.
  struct Inquiry {
    std::size_t upstream = 0;
    std::size_t endpoint = 0;  // its number
    SocketAddress destination;
    std::vector<SocketAddress> sources;
    std::vector<std::uint32_t> ports;  // in use, by source; the answer
    bool answered = false;
  };

  void on_deadline(TimePoint now) override;
  void read_settings();
  void tell_settings(const UpstreamOptions& options, SharedEndpoint& endpoint) const;
  [[nodiscard]] std::vector<Inquiry> questions(TimePoint now);
  void ask(std::vector<Inquiry> inquiries);
  static void look_up(Inquiry& inquiry);
  void on_answered();

  Loop& loop_;
  const std::vector<UpstreamOptions>& options_;
  const std::vector<std::unique_ptr<SharedUpstream>>& upstreams_;
  std::vector<std::uint32_t> limits_;  // by upstream
  bool reuses_everywhere_ = false;
  bool reuses_over_loopback_ = false;
  TimePoint checked_at_{};
  std::vector<Inquiry> inquiries_;  // its thread's while that runs
  bool asking_ = false;
  std::thread thread_;
};

}  // namespace holdfast
