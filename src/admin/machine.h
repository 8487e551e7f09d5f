#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/time.h"

namespace holdfast {

// What the kernel says of this process and its network. A figure that cannot be read is absent.
struct MachineFigures {
  double cpu_seconds = 0;
  std::uint64_t max_descriptors = 0;
  std::optional<std::uint64_t> open_descriptors;
  std::optional<std::uint64_t> resident_bytes;
  std::optional<std::uint64_t> virtual_bytes;
  std::optional<double> start_seconds;  // since 1970
  std::optional<std::uint64_t> time_wait_sockets;
  std::optional<std::uint64_t> ephemeral_ports;
};

// Reads them when somebody asks, what takes files at most every few seconds.
class Machine {
 public:
  static constexpr Duration keep = 5s;

  [[nodiscard]] const MachineFigures& figures(TimePoint now);

 private:
  void read_files();

  MachineFigures figures_;
  std::optional<TimePoint> read_at_;
};

// Parts of the above, for tests. "TCP: inuse 5 orphan 0 tw 12 alloc 9 mem 1" holds 12.
[[nodiscard]] std::optional<std::uint64_t> time_wait_of(std::string_view sockstat);
// The 22nd word of /proc/self/stat, behind a name that may hold blanks and brackets.
[[nodiscard]] std::optional<std::uint64_t> start_ticks_of(std::string_view stat);

}  // namespace holdfast
