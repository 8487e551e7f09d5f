#include "cli/pool_advice.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "config/json.h"

namespace holdfast {
namespace {

constexpr double most_connections = 1'000'000;

}  // namespace

Concurrency concurrency_of(std::uint64_t requests_per_second, Duration latency) {
  const double mean =
      static_cast<double>(requests_per_second) * std::chrono::duration<double>(latency).count();
  // How many come at a time varies by about the square root of their mean; four of those are next
  // to never exceeded.
  const double room = std::ceil(mean + 4 * std::sqrt(mean));
  return {.mean = mean,
          .with_room = static_cast<std::uint32_t>(std::clamp(room, 1.0, most_connections))};
}

Duration safe_idle_timeout(Duration limit) {
  const Duration margin = std::clamp<Duration>(limit / 10, std::min<Duration>(1s, limit / 4), 5s);
  const Duration safe = limit - margin;
  // Round times read better, where a second is a small part of them.
  return safe >= 5s ? Duration(std::chrono::floor<std::chrono::seconds>(safe))
                    : std::max<Duration>(safe - safe % 50ms, 1ms);
}

std::string PoolAdvice::yaml() const {
  std::string text =
      fmt::format("upstreams:\n  backend:\n    servers: [{}]\n    pool:\n", json_text(server));
  for (const Key& key : keys) {
    text += fmt::format("      {:<24}{}\n", fmt::format("{}: {}", key.name, key.value),
                        key.reason.empty() ? "" : "# " + key.reason);
  }
  return text;
}

}  // namespace holdfast
