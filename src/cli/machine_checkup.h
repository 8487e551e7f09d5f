#pragma once

#include <cstdint>
#include <optional>

#include "cli/finding.h"
#include "ports/ephemeral_range.h"
#include "ports/kernel_settings.h"
#include "ports/port_census.h"

namespace holdfast {

// What the doctor has seen of this machine. What could not be read is absent.
struct MachineFacts {
  std::optional<EphemeralRange> range;
  std::optional<PortCensus> census;
  KernelSettings settings;
  KernelCounters counters;
  std::uint64_t soft_descriptors = 0;
  std::uint64_t hard_descriptors = 0;

  // How long a closed connection keeps its port, in seconds: fixed in the kernel's source.
  [[nodiscard]] std::uint64_t time_wait_seconds() const { return settings.tw_timeout.value_or(60); }
  // How many connections a second may be made to one destination, none of them used again.
  [[nodiscard]] std::uint64_t short_connections_per_second() const {
    return range ? range->size() / time_wait_seconds() : 0;
  }
  // Whether the ports that one destination keeps in TIME_WAIT are given out again after a second.
  [[nodiscard]] bool reuses_time_wait(const DestinationPorts& destination) const;
};

[[nodiscard]] MachineFacts read_machine();

[[nodiscard]] Chapter judge_machine(const MachineFacts& facts);

// What is often turned and should not be.
[[nodiscard]] Chapter not_worth_turning(const MachineFacts& facts);

// "10.0.0.5:80"; without a port "10.0.0.5".
[[nodiscard]] std::string end_text(const SocketEnd& end);

}  // namespace holdfast
