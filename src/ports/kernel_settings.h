#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace holdfast {

// What the kernel is told about TCP, as far as it concerns ports, TIME_WAIT and queues: the sysctls
// of this network namespace, by their names without "tcp_". A setting that this kernel does not
// have, or does not show, is absent.
struct KernelSettings {
  std::optional<std::uint64_t> first_port;  // ip_local_port_range
  std::optional<std::uint64_t> last_port;
  std::optional<std::uint64_t> tw_reuse;
  std::optional<std::uint64_t> timestamps;
  std::optional<std::uint64_t> max_tw_buckets;
  std::optional<std::uint64_t> fin_timeout;
  std::optional<std::uint64_t> tw_recycle;  // gone since Linux 4.12
  std::optional<std::uint64_t> tw_timeout;  // only in some vendors' kernels, in seconds
  std::optional<std::uint64_t> somaxconn;
  std::optional<std::uint64_t> conntrack_max;    // only where connections are tracked
  std::optional<std::uint64_t> conntrack_count;  // now
};

[[nodiscard]] KernelSettings read_kernel_settings();

// What the kernel has counted since this network namespace began.
struct KernelCounters {
  std::optional<std::uint64_t> time_wait_overflow;  // TIME_WAIT forgotten: too many of them
  std::optional<std::uint64_t> listen_overflows;    // connections dropped: a listen queue was full
};

[[nodiscard]] KernelCounters read_kernel_counters();

// The counter `name` of `group` in the text of /proc/net/netstat: a line of names that begins with
// the group and a colon, then one of numbers that begins alike.
[[nodiscard]] std::optional<std::uint64_t> find_counter(std::string_view netstat,
                                                        std::string_view group,
                                                        std::string_view name);

}  // namespace holdfast
