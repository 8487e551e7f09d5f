#pragma once

#include <memory>
#include <string>
#include <vector>

#include "proxy/balance.h"
#include "proxy/endpoint.h"
#include "proxy/replay.h"
#include "proxy/tally.h"

namespace holdfast {

// A named group of servers, as one worker sees it. Chooses among its endpoints.
class Upstream {
 public:
  Upstream(Context& context, const UpstreamOptions& options,
           const std::vector<SharedEndpoint*>& shared);
  Upstream(const Upstream&) = delete;
  Upstream& operator=(const Upstream&) = delete;

  // The endpoint that gets the next request, or null if there is none: one that serves, as
  // `balance` has it; a server that is set aside and has earned a trial gets this one request; and
  // where all are set aside it is the one that failed least recently.
  [[nodiscard]] Endpoint* choose();

  // Where a request goes on that found no connection at this endpoint, and how many endpoints
  // further that is: of the next `left` ones the first that serves, else the first. Null: nowhere.
  // Going on from there, as often as there are endpoints, meets each at most once, whoever is
  // chosen meanwhile.
  struct Next {
    Endpoint* endpoint = nullptr;
    std::size_t steps = 0;
  };
  [[nodiscard]] Next after(const Endpoint& endpoint, std::size_t left) const;

  // Another endpoint than this one serves.
  [[nodiscard]] bool others_serve(const Endpoint& endpoint) const;

  [[nodiscard]] UpstreamTally& tally() { return tally_; }
  [[nodiscard]] const UpstreamTally& tally() const { return tally_; }
  [[nodiscard]] const std::string& name() const { return options_.name; }
  [[nodiscard]] ReplayBudget& replay_budget() { return replay_budget_; }
  [[nodiscard]] std::size_t size() const { return endpoints_.size(); }
  [[nodiscard]] const std::vector<std::unique_ptr<Endpoint>>& endpoints() const {
    return endpoints_;
  }

 private:
  [[nodiscard]] Endpoint* least_recently_failed() const;

  Context& context_;
  const UpstreamOptions& options_;
  // Those that may be chosen, in the order of their numbers. Their places change as servers come
  // and go, so no place is remembered from one choice to the next.
  std::vector<std::unique_ptr<Endpoint>> endpoints_;
  std::vector<Candidate> candidates_;  // of the choice that is made now
  std::size_t turn_ = 0;               // where the next search begins, as far as that exists
  ReplayBudget replay_budget_;
  UpstreamTally tally_;
};

}  // namespace holdfast
