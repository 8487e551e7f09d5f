#include "proxy/health.h"

#include <algorithm>

#include "base/check.h"

namespace holdfast {

Health::Change Health::on_connect_failed(Error error, Sign sign, TimePoint now,
                                         std::uint64_t random) {
  check(error.side != Side::local, "a server is blamed for what this machine is short of");
  last_error_ = error;
  failed_at_ = now;
  failures_ = std::min(failures_ + 1, tolerated_failures);
  if (sign == Sign::of_life && failures_ < tolerated_failures && serving()) {
    return Change::none;
  }
  return set_aside(now, random);
}

void Health::on_connected() {
  failures_ = 0;
  if (!serving() && trial_ != Trial::asked) {
    trial_ = Trial::ready;
  }
}

Health::Change Health::on_silence(Error error, TimePoint now, std::uint64_t random) {
  check(error.side != Side::local, "a server is blamed for what this machine is short of");
  last_error_ = error;
  failed_at_ = now;
  silences_ = std::min(silences_ + 1, tolerated_silences);
  if (silences_ < tolerated_silences && serving()) {
    return Change::none;
  }
  return set_aside(now, random);
}

void Health::ask(TimePoint now) {
  trial_ = Trial::asked;
  trial_at_ = now + pause_;
}

// The failures of what was under way when the server was set aside make no pause longer: only that
// of a trial does, or of a request that came when a trial was due.
Health::Change Health::set_aside(TimePoint now, std::uint64_t random) {
  if (!serving() && trial_ == Trial::none && now < trial_at_) {
    return Change::none;
  }
  pause_ = serving() ? first_pause : std::min(2 * pause_, max_pause);
  constexpr std::uint64_t steps = 1000;
  jittered_ = pause_ / 2 + pause_ / 2 * static_cast<std::int64_t>(random % steps) /
                               static_cast<std::int64_t>(steps);
  trial_at_ = now + jittered_;
  trial_ = Trial::none;
  if (!serving()) {
    return Change::none;
  }
  standing_ = Standing::aside;
  since_ = now;
  return Change::set_aside;
}

void Health::come_back(TimePoint now) {
  standing_ = Standing::serving;
  trial_ = Trial::none;
  since_ = now;
  pause_ = {};
  failures_ = 0;
}

}  // namespace holdfast
