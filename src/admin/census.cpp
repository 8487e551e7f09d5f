#include "admin/census.h"

#include <algorithm>
#include <utility>

namespace holdfast {

Census::Census(Workers& workers, TimerWheel& timers, const Clock& clock)
    : workers_(workers), timers_(timers), clock_(clock), places_(workers.count()) {}

void Census::take(CensusReader& reader) {
  if (std::find(readers_.begin(), readers_.end(), &reader) == readers_.end()) {
    readers_.push_back(&reader);
  }
  if (!running_) {
    begin();
  }
}

void Census::begin() {
  running_ = true;
  for (unsigned i = 0; i < places_.size(); ++i) {
    Place& place = places_[i];
    place.told = false;
    // One that is still at an earlier question will answer this one with it.
    if (!place.asked) {
      place.asked = workers_.ask(i, place.report, [this, i] { on_told(i); });
    }
  }
  if (waiting()) {
    timers_.arm(*this, clock_.now() + patience);
  } else {
    finish();
  }
}

const WorkerReport* Census::report(unsigned worker) const {
  return places_[worker].told ? &places_[worker].report : nullptr;
}

bool Census::waiting() const {
  return std::any_of(places_.begin(), places_.end(),
                     [](const Place& place) { return place.asked; });
}

void Census::on_told(unsigned worker) {
  places_[worker].asked = false;
  places_[worker].told = true;
  if (running_ && !waiting()) {
    finish();
  }
}

void Census::on_deadline(TimePoint) { finish(); }

// Whoever asks while all are being told gets the next one.
void Census::finish() {
  timers_.disarm(*this);
  for (CensusReader* reader : std::exchange(readers_, {})) {
    reader->on_census();
  }
  running_ = false;
  if (!readers_.empty()) {
    begin();
  }
}

}  // namespace holdfast
