#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/log.h"
#include "base/time.h"
#include "net/address.h"
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

// Where holdfast tells about itself. Read-only, GET and HEAD.
struct StatusOptions {
  // None: nowhere. Without insisting on it if this, the default, is taken.
  static constexpr std::string_view default_address = "127.0.0.1:8081";
  std::optional<SocketAddress> address = SocketAddress::parse(default_address);
  bool dashboard = false;  // the pages for people too where others than this machine can ask
};

// All that a run of holdfast is told, immutable once loaded.
struct Config {
  unsigned workers = 1;      // 0 = auto: as many as this process has CPUs, cgroup quota included
  std::uint64_t memory = 0;  // bytes for clients and requests; 0 = as the cgroup has it
  std::vector<ListenerOptions> listeners;
  std::vector<UpstreamOptions> upstreams;
  StatusOptions status;
  LogOptions log;
  AccessLogOptions access_log;
  ShutdownOptions shutdown;
};

}  // namespace holdfast
