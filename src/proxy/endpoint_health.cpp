// What an endpoint makes of attempts that fail and of answers that do not come: pauses between
// attempts, and setting the server aside.

#include <algorithm>
#include <iterator>
#include <utility>

#include "base/log.h"
#include "proxy/endpoint.h"
#include "proxy/trouble.h"
#include "proxy/upstream.h"

namespace holdfast {
namespace {

double seconds(Duration duration) { return std::chrono::duration<double>(duration).count(); }

}  // namespace

// After a failed attempt: the next one has to wait. Failures during a pause are those of attempts
// that were under way already; they do not make it longer.
void Endpoint::back_off(Error error) {
  const TimePoint now = context_.now();
  if (error.side == Side::local) {
    note_shortage(error);
    health_.drop_trial();
  } else {
    shortage_.reset();
    failures_ = std::min(failures_ + 1, tolerated_failures);
    window_ = circuit_open() ? 1 : window_;
    last_failure_ = error;
    const auto sign = pool_.leased() + pool_.idle() + pool_.resting() != 0 ? Health::Sign::of_life
                                                                           : Health::Sign::none;
    if (health_.on_connect_failed(error, sign, now, context_.random()) ==
        Health::Change::set_aside) {
      tell_of_setting_aside("cannot be reached");
    }
  }
  if (now < next_connect_) {
    return;
  }
  pause_ = pause_ == Duration::zero()
               ? retry_connect
               : std::min(2 * pause_,
                          error.side == Side::local ? max_retry_shortage : max_retry_connect);
  constexpr std::uint64_t steps = 1000;
  const auto part = static_cast<std::int64_t>(context_.random() % steps);
  next_connect_ = now + pause_ / 2 + pause_ / 2 * part / static_cast<std::int64_t>(steps);
}

void Endpoint::note_reachable() {
  shortage_.reset();
  next_connect_ = {};
  pause_ = {};
  failures_ = 0;
  health_.on_connected();
}

// This machine could not even try: that says nothing about the backend.
void Endpoint::note_shortage(Error error) {
  shortage_ = error;
  if (context_.may_log_shortage()) {
    const Trouble trouble = trouble_of(error, authority_);
    log::warn("upstream {}: no connection can be opened now to {}, requests wait: {}. {}",
              options_.name, authority_, trouble, trouble.remedy);
  }
}

void Endpoint::note_silence(Error error) {
  if (health_.on_silence(error, context_.now(), context_.random()) == Health::Change::set_aside) {
    tell_of_setting_aside("does not answer");
  }
}

// Tells of a change, not of each failure, and once a second at most where it changes all the time.
void Endpoint::tell_of_setting_aside(std::string_view what) {
  if (!health_brake_.pass(context_.now())) {
    return;
  }
  const ErrorRow& row = error_row(health_.last_error()->code);
  const Trouble trouble = trouble_of(*health_.last_error(), authority_);
  told_of_it_ = true;
  fmt::memory_buffer so;  // has room for it without memory of its own
  if (upstream_.others_serve(*this)) {
    fmt::format_to(std::back_inserter(so),
                   "It is set aside for {:.1f} s, and others get its requests",
                   seconds(health_.pause()));
  } else {
    fmt::format_to(std::back_inserter(so),
                   "It is set aside, but no other server is left: it is asked all the same, and "
                   "requests get {} ({}) while it fails",
                   row.status, row.name);
  }
  log::warn("upstream {}: {} {}: {}. {}. {}", options_.name, authority_, what, trouble,
            trouble.remedy, fmt::string_view(so.data(), so.size()));
}

void Endpoint::come_back() {
  const TimePoint now = context_.now();
  const Duration away = now - health_.since();
  health_.come_back(now);
  if (std::exchange(told_of_it_, false)) {
    log::info("upstream {}: {} answers again, after {:.1f} s", options_.name, authority_,
              seconds(away));
  }
}

bool Endpoint::offers_trial() {
  const TimePoint now = context_.now();
  const bool lost =
      health_.connecting() ? pool_.connecting() == 0 : health_.trial_ready() && pool_.idle() == 0;
  if (lost) {
    health_.drop_trial();
  }
  const bool due = health_.trial_due(now) && now >= next_connect_;
  if (health_.trial_ready() || (due && !begin_trial())) {
    health_.ask(now);
    return true;
  }
  return false;
}

// Opens a connection for which nobody waits, so that a server that is still away costs no request
// its time. A failure is told to back_off(), here or later. False: there is no permit for it, other
// workers have them all; the request has to be the trial.
bool Endpoint::begin_trial() {
  if (!shared_.permits.take()) {
    return false;
  }
  health_.begin_trial();
  static_cast<void>(connect_one());
  return true;
}

}  // namespace holdfast
