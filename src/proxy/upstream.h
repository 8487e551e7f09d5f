#pragma once

#include <memory>
#include <vector>

#include "proxy/endpoint.h"
#include "proxy/replay.h"

namespace holdfast {

// A named group of servers, as one worker sees it. Its endpoints take turns.
class Upstream {
 public:
  Upstream(Context& context, const UpstreamOptions& options,
           const std::vector<SharedEndpoint*>& shared)
      : replay_budget_(options.replay.budget) {
    for (SharedEndpoint* endpoint : shared) {
      endpoints_.push_back(std::make_unique<Endpoint>(context, *endpoint, options));
    }
    // Workers start at different servers, so that few requests do not all meet the first one.
    next_ = context.worker % endpoints_.size();
  }

  // The endpoint whose turn it is, of those that are worth a try, or of all if none is.
  [[nodiscard]] Endpoint& next() {
    Endpoint* chosen = &turn();
    for (std::size_t left = endpoints_.size(); left > 0 && chosen->shunned(); --left) {
      chosen = &turn();
    }
    return *chosen;
  }

  // The endpoint behind this one. Going on from there as often as there are endpoints meets each of
  // them once, whoever takes turns meanwhile.
  [[nodiscard]] Endpoint& after(const Endpoint& endpoint) {
    std::size_t at = 0;
    while (endpoints_[at].get() != &endpoint) {
      ++at;
    }
    return *endpoints_[(at + 1) % endpoints_.size()];
  }

  [[nodiscard]] ReplayBudget& replay_budget() { return replay_budget_; }
  [[nodiscard]] std::size_t size() const { return endpoints_.size(); }
  [[nodiscard]] const std::vector<std::unique_ptr<Endpoint>>& endpoints() const {
    return endpoints_;
  }

 private:
  [[nodiscard]] Endpoint& turn() {
    Endpoint& chosen = *endpoints_[next_];
    next_ = next_ + 1 == endpoints_.size() ? 0 : next_ + 1;
    return chosen;
  }

  std::vector<std::unique_ptr<Endpoint>> endpoints_;  // never empty
  std::size_t next_ = 0;
  ReplayBudget replay_budget_;
};

}  // namespace holdfast
