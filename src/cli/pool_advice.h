#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/time.h"

namespace holdfast {

// What somebody expects of a backend.
struct ExpectedLoad {
  std::optional<std::uint64_t> requests_per_second;
  std::optional<Duration> latency;  // of one request; else as measured
};

// How many requests are under way at a time, by Little's law: rate x latency.
struct Concurrency {
  double mean = 0;
  std::uint32_t with_room = 1;  // for bursts: the mean, and four times its square root
};
[[nodiscard]] Concurrency concurrency_of(std::uint64_t requests_per_second, Duration latency);

// How long a connection may be idle if its backend closes idle ones after `limit`: enough less that
// a request which is on its way meets it open.
[[nodiscard]] Duration safe_idle_timeout(Duration limit);

// The keys of a pool to write into a configuration, each with the reason for it.
struct PoolAdvice {
  struct Key {
    std::string name;
    std::string value;
    std::string reason;
  };
  std::string server{};
  std::vector<Key> keys{};

  // An upstream with this pool, as YAML that loads.
  [[nodiscard]] std::string yaml() const;
};

}  // namespace holdfast
