#include "pool/learned_limits.h"

#include <algorithm>

namespace holdfast {
namespace {

constexpr Duration largest_margin = 1s;
constexpr int margin_part = 5;     // of a limit
constexpr int tolerance_part = 8;  // how much ends of one limit may differ
constexpr Duration tolerance = 50ms;
constexpr Duration shortest_patience = 1s;
constexpr int patience_part = 4;
constexpr Duration longest_patience = 2 * LearnedLimits::longest_safe;
// Of what is announced. A connection could hardly be used again within less.
constexpr Duration least_announced = 1s;
// How many ends there have to be before the earliest one may be a chance.
constexpr std::size_t enough_ends = 4;
// Several connections have carried the same number of requests by chance, if it is less than this.
constexpr std::uint64_t telling_requests = 10;
// Who closes for a limit does it with the answer. A restart finds connections idle for any time.
constexpr Duration right_behind = 20ms;

}  // namespace

void LearnedLimits::note_idle_end(Duration idle, TimePoint now) {
  const Duration apart = idle > last_end_ ? idle - last_end_ : last_end_ - idle;
  const bool at_once = last_end_at_ != TimePoint{} && now - last_end_at_ < one_moment;
  const bool alike = apart <= std::max(tolerance, std::max(idle, last_end_) / tolerance_part);
  if (at_once && !alike && !restarting_ && ended_ != 0) {
    --ended_;  // the one before was the first of them
    next_end_ = (next_end_ + remembered - 1) % remembered;
  }
  restarting_ = at_once && (restarting_ || !alike);
  last_end_at_ = now;
  last_end_ = idle;
  if (restarting_) {
    return;
  }
  ends_[next_end_] = idle;
  next_end_ = (next_end_ + 1) % remembered;
  ended_ = std::min(ended_ + 1, remembered);
  outlived_ = 0;
  survived_ = Duration::zero();
}

void LearnedLimits::note_idle_survived(Duration idle) {
  const std::optional<Duration> limit = observed();
  if (limit && idle <= *limit) {
    return;
  }
  survived_ = std::max(survived_, idle);
  if (limit && ++outlived_ >= proofs) {
    ended_ = 0;
    next_end_ = 0;
    outlived_ = 0;
  }
}

bool LearnedLimits::restarts(std::uint64_t requests, TimePoint now) {
  if (moment_began_ == TimePoint{} || now - moment_began_ >= one_moment) {
    moment_began_ = now;
    restarted_ = false;
  } else if (requests != last_requests_) {
    restarted_ = true;
  }
  return restarted_;
}

// The same number twice in a row is a rule, if no connection has carried more in between: an error
// or a restart ends connections behind any number of requests. A cap too low would make short
// connections of long ones, so nothing less is enough to lower one.
void LearnedLimits::note_request_end(std::uint64_t requests, Duration idle, TimePoint now) {
  if (requests == 0 || (requests < telling_requests && idle >= right_behind)) {
    return;
  }
  const bool ruled = requests == last_requests_ && carried_ <= requests;
  const bool restarting = restarts(requests, now);
  last_requests_ = requests;
  carried_ = 0;
  if (cap_ != 0 && requests > cap_) {
    set_cap(0);
  } else if (ruled && !restarting && requests != cap_) {
    set_cap(requests);
  } else if (requests == cap_) {
    cap_outlived_ = 0;
  }
}

void LearnedLimits::set_cap(std::uint64_t requests) {
  cap_ = requests;
  cap_outlived_ = 0;
  unwatched_ = 0;
  watch_after_ = 1;
}

void LearnedLimits::note_announced_end(std::uint64_t requests) {
  told_cap_ = requests == last_told_ ? requests : 0;
  last_told_ = requests;
}

void LearnedLimits::note_cap_survived() {
  if (++cap_outlived_ >= proofs) {
    set_cap(0);
    last_requests_ = 0;
  }
}

bool LearnedLimits::watches_beyond_cap() {
  if (++unwatched_ < watch_after_) {
    return false;
  }
  unwatched_ = 0;
  watch_after_ = std::min(2 * watch_after_, most_unwatched);
  return true;
}

void LearnedLimits::note_announced(const AnnouncedLimits& announced, std::uint64_t requests) {
  announced_ = announced.idle_timeout;
  if (announced_) {
    announced_ = std::max(*announced_, least_announced);
  }
  if (announced.more_requests) {
    told_cap_ = requests + *announced.more_requests;
    last_told_ = told_cap_;
  }
}

// Remembers the worst lateness, and forgets it by an eighth each time.
void LearnedLimits::note_lag(Duration lag) { lag_ = std::max(lag, lag_ - lag_ / 8); }

// The lowest of the latest ends; the second lowest once there are enough to see a chance.
std::optional<Duration> LearnedLimits::observed() const {
  if (ended_ == 0) {
    return std::nullopt;
  }
  std::array<Duration, remembered> latest{};
  for (std::size_t i = 0; i < ended_; ++i) {
    latest[i] = ends_[(next_end_ + remembered - 1 - i) % remembered];
  }
  std::sort(latest.begin(), latest.begin() + static_cast<std::ptrdiff_t>(ended_));
  return ended_ < enough_ends ? latest[0] : latest[1];
}

std::optional<Duration> LearnedLimits::idle_limit() const {
  const std::optional<Duration> seen = observed();
  if (seen && announced_) {
    return std::min(*seen, *announced_);
  }
  return seen ? seen : announced_;
}

// An answer is on its way for a while and a loop may be late, so the backend's time is over sooner
// than it seems here.
Duration LearnedLimits::margin(Duration limit) const {
  return std::max(std::min(limit / margin_part, largest_margin), lag_);
}

Duration LearnedLimits::safe_idle() const {
  const std::optional<Duration> limit = idle_limit();
  const Duration known = limit.value_or(survived_);
  const Duration safe = std::max(known - margin(known), Duration{1});
  return std::min(limit ? safe : std::max(safe, first_safe), longest_safe);
}

Duration LearnedLimits::patience() const {
  const std::optional<Duration> limit = idle_limit();
  if (!limit) {
    return std::min(2 * std::max(survived_, first_safe), longest_patience);
  }
  const Duration most = std::max(*limit, survived_);
  return std::min(most + std::max(most / patience_part, shortest_patience), longest_patience);
}

}  // namespace holdfast
