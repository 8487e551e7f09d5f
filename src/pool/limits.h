#pragma once

#include <cstddef>
#include <cstdint>

#include "base/time.h"
#include "pool/retirement.h"

namespace holdfast {

// Stands for an idle_timeout that is learned from the backend.
inline constexpr Duration learned_timeout{-1};

// What a pool may hold, per endpoint. max_connections counts the whole process; max_idle too,
// shared out among the workers.
struct PoolLimits {
  std::uint32_t max_connections = 256;  // connecting + active + idle
  std::uint32_t max_idle = 256;
  std::uint32_t min_idle = 0;               // kept ready, though nobody asks
  std::uint64_t max_requests = 0;           // per connection; 0 = no limit
  Duration idle_timeout = learned_timeout;  // until then it may be leased; 0 = no limit
  Duration max_age = 1h;                    // +-10 % jitter per connection; 0 = no limit
};

// Whether a connection's last request says so, so that the backend closes first (`retire`).
enum class LastRequest : std::uint8_t { silent, announced };

// What a connection has been through, as far as its future depends on it.
struct UseHistory {
  TimePoint opened_at{};
  TimePoint idle_since{};                // valid while idle
  TimePoint old_at = TimePoint::max();   // when it reaches its own, jittered max_age
  TimePoint last_at = TimePoint::max();  // from then on its next request is its last one
  std::uint64_t requests = 0;            // how many it was leased for
  // Why the request that it is leased for is its last and says so to the backend, or none.
  Retirement last_for = Retirement::none;
};

// How an exchange left the connection it had leased.
struct ReturnFacts {
  // What the exchange itself has against another use, or none.
  Retirement fault = Retirement::none;
  // The answer's own bytes allow another request (codec).
  bool reusable = false;
};

// Says why a returned connection must not be used again, or `none`. The order is the order of blame
// in the counters: a connection with a fault counts for it even when its requests are also spent.
// `idle` counts the connections idle already.
[[nodiscard]] Retirement judge_return(const UseHistory& use, ReturnFacts facts, std::size_t idle,
                                      const PoolLimits& limits, TimePoint now);

// Says why an idle connection must not be leased any more, or `none`. Asked when its deadline comes
// and, since a late loop may not have got there, before each lease.
[[nodiscard]] Retirement judge_idle(const UseHistory& use, const PoolLimits& limits, TimePoint now);

// When judge_idle has to be asked again for a connection idle since use.idle_since.
[[nodiscard]] TimePoint idle_deadline(const UseHistory& use, const PoolLimits& limits);

// When the next request of a connection opened now becomes its last one, so that max_age does not
// have to end it by itself.
[[nodiscard]] TimePoint last_request_at(TimePoint now, TimePoint old_at);

// When a connection opened now gets too old: max_age +-10 %, so that those opened together do not
// all expire together. `random` is any number.
[[nodiscard]] TimePoint jittered_age(TimePoint now, const PoolLimits& limits, std::uint64_t random);

}  // namespace holdfast
