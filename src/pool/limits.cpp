#include "pool/limits.h"

#include <algorithm>

namespace holdfast {

Retirement judge_return(const UseHistory& use, ReturnFacts facts, std::size_t idle,
                        const PoolLimits& limits, TimePoint now) {
  // Who is told that a request is the last may end its answer by closing.
  const bool closed_as_asked = facts.fault == Retirement::none ||
                               facts.fault == Retirement::close_delimited ||
                               facts.fault == Retirement::no_keep_alive;
  if (use.last_for != Retirement::none && closed_as_asked) {
    return use.last_for;
  }
  if (facts.fault != Retirement::none) {
    return facts.fault;
  }
  if (!facts.reusable) {
    return Retirement::closed_by_backend;
  }
  if (limits.max_requests != 0 && use.requests >= limits.max_requests) {
    return Retirement::max_requests;
  }
  if (now >= use.old_at) {
    return Retirement::max_age;
  }
  if (idle >= limits.max_idle) {
    return Retirement::max_idle;
  }
  return Retirement::none;
}

Retirement judge_idle(const UseHistory& use, const PoolLimits& limits, TimePoint now) {
  if (now >= use.old_at) {
    return Retirement::max_age;
  }
  if (limits.idle_timeout != Duration::zero() && now >= use.idle_since + limits.idle_timeout) {
    return Retirement::idle_timeout;
  }
  return Retirement::none;
}

TimePoint idle_deadline(const UseHistory& use, const PoolLimits& limits) {
  if (limits.idle_timeout == Duration::zero()) {
    return use.old_at;
  }
  return std::min(use.old_at, use.idle_since + limits.idle_timeout);
}

TimePoint last_request_at(TimePoint now, TimePoint old_at) {
  constexpr int part = 20;
  return old_at == TimePoint::max() ? old_at : old_at - (old_at - now) / part;
}

TimePoint jittered_age(TimePoint now, const PoolLimits& limits, std::uint64_t random) {
  if (limits.max_age == Duration::zero()) {
    return TimePoint::max();
  }
  constexpr std::uint64_t steps = 2001;  // -10.00 % to +10.00 %
  const auto permyriad = static_cast<std::int64_t>(random % steps) - 1000;
  return now + limits.max_age + limits.max_age / 10'000 * permyriad;
}

}  // namespace holdfast
