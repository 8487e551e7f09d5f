#include "proxy/upstream.h"

#include <algorithm>

namespace holdfast {

Upstream::Upstream(Context& context, const UpstreamOptions& options,
                   const std::vector<SharedEndpoint*>& shared)
    : context_(context),
      options_(options),
      lobby_(context, options),
      replay_budget_(options.replay.budget) {
  for (SharedEndpoint* endpoint : shared) {
    add(*endpoint);
  }
  begin_anywhere();
}

// Workers start at different servers, so that few requests do not all meet the first one.
void Upstream::begin_anywhere() {
  turn_ = endpoints_.empty() ? 0 : context_.worker % endpoints_.size();
}

Endpoint* Upstream::choose() {
  if (endpoints_.size() <= 1) {
    return endpoints_.empty() ? nullptr : endpoints_.front().get();
  }
  candidates_.resize(endpoints_.size());
  for (std::size_t i = 0; i < endpoints_.size(); ++i) {
    Endpoint& endpoint = *endpoints_[i];
    const bool serving = endpoint.health().serving();
    if (!serving && endpoint.offers_trial()) {
      return &endpoint;
    }
    candidates_[i] = {.load = endpoint.load(), .serving = serving};
  }
  const std::uint64_t random = options_.balance == Balance::random_two ? context_.random() : 0;
  const std::size_t chosen = holdfast::choose(options_.balance, candidates_, turn_, random);
  if (chosen == no_candidate) {
    return least_recently_failed();
  }
  turn_ = chosen + 1;
  return endpoints_[chosen].get();
}

// One that has taken a connection since it failed comes before all others.
Endpoint* Upstream::least_recently_failed() const {
  const auto less = [](const std::unique_ptr<Endpoint>& a, const std::unique_ptr<Endpoint>& b) {
    return a->health().connects() != b->health().connects()
               ? a->health().connects()
               : a->health().failed_at() < b->health().failed_at();
  };
  return std::min_element(endpoints_.begin(), endpoints_.end(), less)->get();
}

Upstream::Next Upstream::after(const Endpoint& endpoint, std::size_t left) const {
  std::size_t at = 0;
  while (at < endpoints_.size() && endpoints_[at]->number() <= endpoint.number()) {
    ++at;
  }
  Next next;
  for (std::size_t step = 1; step <= std::min(left, endpoints_.size()); ++step, ++at) {
    Endpoint& candidate = *endpoints_[at % endpoints_.size()];
    if (candidate.health().serving()) {
      return {&candidate, step};
    }
    if (next.endpoint == nullptr) {
      next = {&candidate, step};
    }
  }
  return next;
}

bool Upstream::others_serve(const Endpoint& endpoint) const {
  return std::any_of(endpoints_.begin(), endpoints_.end(), [&](const auto& other) {
    return other.get() != &endpoint && other->health().serving();
  });
}

}  // namespace holdfast
