#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/log.h"
#include "base/time.h"
#include "proxy/options.h"

namespace holdfast {

struct LogOptions {
  LogLevel level = LogLevel::info;
  LogFormat format = LogFormat::automatic;
};

struct ShutdownOptions {
  Duration delay = 0s;    // go on accepting for so long after the signal
  Duration timeout = 8s;  // then finish what is under way within so long
};

// All that a run of holdfast is told, immutable once loaded.
struct Config {
  unsigned workers = 1;      // 0 = auto: as many as this process has CPUs, cgroup quota included
  std::uint64_t memory = 0;  // bytes for clients and requests; 0 = as the cgroup has it
  std::vector<ListenerOptions> listeners;
  std::vector<UpstreamOptions> upstreams;
  LogOptions log;
  ShutdownOptions shutdown;
};

}  // namespace holdfast
