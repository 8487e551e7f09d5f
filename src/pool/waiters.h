#pragma once

#include <cstddef>

#include "base/check.h"
#include "base/list.h"
#include "base/time.h"

namespace holdfast {

struct WaiterTag;

// What a request brings to wait for a connection.
class WaiterMember : public ListLink<WaiterTag> {
 public:
  [[nodiscard]] bool waiting() const { return linked(); }
  [[nodiscard]] TimePoint waits_until() const { return until_; }

 private:
  template <class Waiter>
  friend class Waiters;
  TimePoint until_ = TimePoint::max();
};

// Those who wait for a connection of one endpoint, first come, first served. All wait equally long,
// so the first is also the first to give up. A waiter that leaves is taken out in O(1). Owns
// nothing.
template <class Waiter>
class Waiters {
 public:
  // Behind all others.
  void join(Waiter& waiter, TimePoint until) {
    waiter.until_ = until;
    waiters_.push_back(waiter);
  }

  void leave(Waiter& waiter) { waiters_.remove(waiter); }

  // The one whose turn it is, or null.
  [[nodiscard]] Waiter* first() const { return waiters_.front(); }
  // Likewise, taken out.
  [[nodiscard]] Waiter* next() { return waiters_.pop_front(); }

  // One whose time is over, taken out, or null.
  [[nodiscard]] Waiter* expired(TimePoint now) {
    Waiter* first = waiters_.front();
    return first != nullptr && first->until_ <= now ? waiters_.pop_front() : nullptr;
  }

  // When expired() has to be asked, if anybody waits; else the end of time.
  [[nodiscard]] TimePoint first_deadline() const {
    return waiters_.empty() ? TimePoint::max() : waiters_.front()->until_;
  }

  [[nodiscard]] std::size_t size() const { return waiters_.size(); }
  [[nodiscard]] bool empty() const { return waiters_.empty(); }

 private:
  List<Waiter, WaiterTag> waiters_;
};

}  // namespace holdfast
