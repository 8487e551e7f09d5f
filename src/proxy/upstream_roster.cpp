// How an upstream's servers come and go.

#include <algorithm>

#include "base/memory.h"
#include "proxy/exchange.h"
#include "proxy/upstream.h"

namespace holdfast {
namespace {

bool is_on(const Roster& roster, const SharedEndpoint& shared) {
  return std::any_of(roster.members.begin(), roster.members.end(),
                     [&](const Member& member) { return member.endpoint == &shared; });
}

}  // namespace

Endpoint* Upstream::find(std::size_t number) {
  for (const auto& endpoint : endpoints_) {
    if (endpoint->shared().number == number) {
      return endpoint.get();
    }
  }
  for (const Removed& removed : removed_) {
    if (removed.endpoint->shared().number == number) {
      return removed.endpoint.get();
    }
  }
  return nullptr;
}

void Upstream::drain() {
  for (const auto& endpoint : endpoints_) {
    endpoint->drain();
  }
  for (const Removed& removed : removed_) {
    removed.endpoint->drain();
  }
}

// Whatever is left out for want of memory is made up for when the roster is next followed.
void Upstream::follow(const Roster& roster) {
  const bool had_none = endpoints_.empty();
  for (const Member& member : roster.members) {
    if (member.departure == 0) {
      add(*member.endpoint);
    }
  }
  // The new ones stand ready before the old ones send their requests on.
  for (const Member& member : roster.members) {
    if (member.departure != 0) {
      follow_removal(member);
    }
  }
  forget_all_but(roster);
  if (endpoints_.empty()) {
    lobby_.lack(roster.lack);
  } else if (had_none) {
    begin_anywhere();
    lobby_.open();
  }
}

// The endpoint may be there, or be a removed one that is back.
void Upstream::add(SharedEndpoint& shared) {
  Endpoint* known = find(shared.number);
  if (known != nullptr && !known->removed()) {
    return;
  }
  std::unique_ptr<Endpoint> made;
  const bool has_memory = has_memory_for([&] {
    endpoints_.reserve(endpoints_.size() + 1);
    candidates_.reserve(endpoints_.size() + 1);
    made =
        known == nullptr ? std::make_unique<Endpoint>(context_, shared, options_, *this) : nullptr;
  });
  if (!has_memory) {
    return;
  }
  if (known != nullptr) {
    const auto at = std::find_if(removed_.begin(), removed_.end(), [&](const Removed& removed) {
      return removed.endpoint.get() == known;
    });
    made = std::move(at->endpoint);
    removed_.erase(at);
    made->restore();
  }
  const auto behind = std::find_if(endpoints_.begin(), endpoints_.end(), [&](const auto& one) {
    return one->shared().number > shared.number;
  });
  endpoints_.insert(behind, std::move(made));
}

void Upstream::follow_removal(const Member& member) {
  Endpoint* known = find(member.endpoint->number);
  if (known == nullptr) {
    // It came and went before this worker looked.
    member.endpoint->left[context_.worker].store(member.departure, std::memory_order_release);
    return;
  }
  if (known->removed()) {
    for (Removed& removed : removed_) {
      removed.departure = removed.endpoint.get() == known ? member.departure : removed.departure;
    }
    return;
  }
  if (!has_memory_for([this] { removed_.reserve(removed_.size() + 1); })) {
    return;
  }
  const auto at = std::find_if(endpoints_.begin(), endpoints_.end(),
                               [&](const auto& one) { return one.get() == known; });
  removed_.push_back({std::move(*at), member.departure});
  endpoints_.erase(at);
  known->remove();
  context_.timers.arm(*this, context_.now() + look_again);
}

void Upstream::forget_all_but(const Roster& roster) {
  std::erase_if(removed_, [&](const Removed& removed) {
    if (is_on(roster, removed.endpoint->shared())) {
      return false;
    }
    check(removed.endpoint->empty() && !in_use(*removed.endpoint),
          "an endpoint is forgotten when nobody knows it any more");
    return true;
  });
}

bool Upstream::in_use(const Endpoint& endpoint) {
  bool used = false;
  context_.exchanges.for_each([&](const Exchange& exchange) { used |= exchange.uses(endpoint); });
  return used;
}

// Once nobody uses it nobody can begin to: it is not among those that are chosen from. Asked now
// and then and not counted, so that a request costs nothing more.
void Upstream::on_deadline(TimePoint now) {
  for (const Removed& removed : removed_) {
    if (removed.endpoint->empty() && !in_use(*removed.endpoint)) {
      removed.endpoint->shared().left[context_.worker].store(removed.departure,
                                                             std::memory_order_release);
    }
  }
  context_.timers.arm(*this, removed_.empty() ? TimePoint::max() : now + look_again);
}

}  // namespace holdfast
