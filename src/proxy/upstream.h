#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "proxy/balance.h"
#include "proxy/endpoint.h"
#include "proxy/lobby.h"
#include "proxy/replay.h"
#include "proxy/shared_upstream.h"
#include "proxy/tally.h"

namespace holdfast {

// A named group of servers, as one worker sees it. Chooses among its endpoints. They come and go
// while it is used; a removed one lives as long as an exchange or a connection knows it.
class Upstream final : private Timer {
 public:
  Upstream(Context& context, const UpstreamOptions& options,
           const std::vector<SharedEndpoint*>& shared = {});
  Upstream(const Upstream&) = delete;
  Upstream& operator=(const Upstream&) = delete;
  ~Upstream() { context_.timers.disarm(*this); }

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
  // Until there is a server: on_server_known or fail follows. An error means that waiting is
  // hopeless, and the exchange is not queued.
  [[nodiscard]] std::optional<Error> wait(Exchange& exchange) { return lobby_.wait(exchange); }
  void leave(Exchange& exchange) { lobby_.leave(exchange); }
  [[nodiscard]] std::size_t in_lobby() const { return lobby_.waiting(); }

  // Makes and removes endpoints as the roster has it.
  void follow(const Roster& roster);

  // The endpoint of this number, removed or not, or null if it is not here.
  [[nodiscard]] Endpoint* find(std::size_t number);

  // Lets idle connections go, of all endpoints; see Endpoint::drain.
  void drain();

  [[nodiscard]] const UpstreamOptions& options() const { return options_; }
  // The endpoint is one of this upstream.
  [[nodiscard]] bool has(const Endpoint& endpoint) const {
    return &endpoint.options() == &options_;
  }
  [[nodiscard]] ReplayBudget& replay_budget() { return replay_budget_; }
  [[nodiscard]] std::size_t size() const { return endpoints_.size(); }
  [[nodiscard]] const std::vector<std::unique_ptr<Endpoint>>& endpoints() const {
    return endpoints_;
  }
  // Those that are not, and end what they are about.
  [[nodiscard]] std::size_t removed() const { return removed_.size(); }

 private:
  // How often it is looked whether anybody still uses a removed endpoint.
  static constexpr Duration look_again = 250ms;

  struct Removed {
    std::unique_ptr<Endpoint> endpoint;
    std::uint64_t departure;
  };

  void begin_anywhere();
  void add(SharedEndpoint& shared);
  void follow_removal(const Member& member);
  void forget_all_but(const Roster& roster);
  void on_deadline(TimePoint now) override;
  [[nodiscard]] bool in_use(const Endpoint& endpoint);

  [[nodiscard]] Endpoint* least_recently_failed() const;

  Context& context_;
  const UpstreamOptions& options_;
  // Those that may be chosen, in the order of their numbers. Their places change as servers come
  // and go, so no place is remembered from one choice to the next.
  std::vector<std::unique_ptr<Endpoint>> endpoints_;
  std::vector<Removed> removed_;
  std::vector<Candidate> candidates_;  // of the choice that is made now
  std::size_t turn_ = 0;               // where the next search begins, as far as that exists
  Lobby lobby_;
  ReplayBudget replay_budget_;
  UpstreamTally tally_;
};

}  // namespace holdfast
