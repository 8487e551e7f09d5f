#pragma once

#include <limits>
#include <optional>
#include <string>

#include "base/log_brake.h"
#include "base/timer_wheel.h"
#include "net/address.h"
#include "pool/learned_limits.h"
#include "pool/patience.h"
#include "pool/pool.h"
#include "pool/waiters.h"
#include "proxy/context.h"
#include "proxy/health.h"
#include "proxy/options.h"
#include "proxy/pinning_guard.h"
#include "proxy/shared_endpoint.h"
#include "proxy/tally.h"
#include "proxy/upstream_connection.h"

namespace holdfast {

class Upstream;

// The error that an errno value of a connection attempt stands for, blamed on this machine where it
// belongs there.
[[nodiscard]] Error connect_error(int system);

// One address of an upstream, as one worker sees it: the pool of its connections and the queue of
// those who wait for one. Acts on the pool's answers. The way in for an exchange is try_lease, then
// wait.
class Endpoint final : private Timer {
 public:
  Endpoint(Context& context, SharedEndpoint& shared, const UpstreamOptions& options,
           const Upstream& upstream);
  Endpoint(const Endpoint&) = delete;
  Endpoint& operator=(const Endpoint&) = delete;
  ~Endpoint();

  // An idle connection that is known to be sound, or an empty lease.
  [[nodiscard]] Lease try_lease();

  // Queues the exchange for whichever comes first, a returned connection or a new one, or for a
  // new one only if it needs a fresh connection; its on_lease or fail follows later. An error means
  // that waiting is hopeless, and the exchange is not queued.
  [[nodiscard]] std::optional<Error> wait(Exchange& exchange);
  // The exchange waits no longer.
  void leave(Exchange& exchange);

  // --- For the choice among the endpoints of an upstream ---
  [[nodiscard]] const Health& health() const { return health_; }
  // The requests of this worker that it has, or that wait for it.
  [[nodiscard]] std::size_t load() const { return pool_.leased() + waiting(); }
  // Of one that is set aside: takes the next step of a trial that is due. True: the request that
  // asks is the trial.
  [[nodiscard]] bool offers_trial();
  // An answer has come, or none where one was owed.
  void note_answer() {
    if (health_.on_answer()) {
      come_back();
    }
  }
  void note_silence(Error error);

  // A connection is lent to an exchange, and comes back after its service.
  void note_lease(TimePoint now) { patience_.on_lease(now); }
  void note_service(Duration service) { patience_.on_return(service); }

  // A request is sent once more, for this reason: worth a line in the log now and then.
  void note_replay(Error why);
  // A connection turned out stale under a request: those idle for longer are suspected too and go.
  void suspect_idle();

  // What the backend speaks, as configured or as its last answer said; unknown before the first.
  enum class Speaks : std::uint8_t { unknown, http10, http11 };
  [[nodiscard]] Speaks speaks() const { return speaks_; }
  void learn(Version answered);
  // What it announces about its connections, in its first answer over this one.
  void learn(const UpstreamConnection& connection, const AnnouncedLimits& announced);
  // It ended a connection that had served before, instead of answering another request over it.
  void learn_stale_end(const UpstreamConnection& connection, TimePoint leased);
  [[nodiscard]] const LearnedLimits& learned() const { return learned_; }
  // A connection's last request says so.
  [[nodiscard]] bool asks_to_close() const {
    return options_.retire == Retire::automatic || options_.retire == Retire::peer_first;
  }

  [[nodiscard]] const UpstreamOptions& options() const { return options_; }
  // Among all endpoints of the process, and in the order in which they came.
  [[nodiscard]] std::size_t number() const { return shared_.number; }
  [[nodiscard]] const http1::HeadLimits& answer_limits() const { return answer_limits_; }
  [[nodiscard]] const std::string& authority() const { return authority_; }
  // What it is called in a Host field. A Unix socket has no name there that a server would know.
  [[nodiscard]] std::string_view host() const {
    return shared_.address.is_unix() ? std::string_view("localhost") : authority_;
  }

  // From leases. Pinning keeps a connection for the client that has logged in over it; false if it
  // is retired instead.
  [[nodiscard]] bool pin(UpstreamConnection& connection, ReturnFacts facts);
  void lease_pinned(UpstreamConnection& connection);
  // Why it is not used again, or none.
  Retirement give_back(UpstreamConnection& connection, ReturnFacts facts);
  void retire(UpstreamConnection& connection, Retirement reason);

  // From connections.
  void on_connected(UpstreamConnection& connection);
  void on_connect_failed(UpstreamConnection& connection, Error error);
  void on_stray_bytes(UpstreamConnection& connection);
  void on_ended_unasked(UpstreamConnection& connection);
  void on_idle_deadline(UpstreamConnection& connection, TimePoint now);
  void on_resting_deadline(UpstreamConnection& connection, TimePoint now);
  void on_leaving_deadline(UpstreamConnection& connection);
  void on_pinned_deadline(UpstreamConnection& connection, TimePoint now);
  void on_closed(UpstreamConnection& connection, Stream& stream);

  // From other workers.
  void on_wake();
  void adopt(MovedConnection moved);

  // Lets idle connections go; called when the worker drains, and again when the last client has
  // left.
  void drain();

  // Where it looks as if the backend served a few connections and let the others stand: how many.
  [[nodiscard]] std::uint32_t served_at_once() const { return guard_.served(); }

  // Its address is not one of the upstream's any more: nobody is sent to it, who waits for it goes
  // elsewhere, idle connections go, leased ones end what they are about. And it is one again.
  void remove();
  void restore() { removed_ = false; }
  [[nodiscard]] bool removed() const { return removed_; }
  // Of a removed one: it has no connection and nobody waits.
  [[nodiscard]] bool empty() const { return pool_.size() == 0 && waiting() == 0; }

  [[nodiscard]] const Pool<UpstreamConnection>& pool() const { return pool_; }
  [[nodiscard]] EndpointTally& tally() { return tally_; }
  [[nodiscard]] const EndpointTally& tally() const { return tally_; }
  [[nodiscard]] std::size_t waiting() const { return waiters_.size() + replays_.size(); }
  // How long the first of those has waited; 0 if nobody does, or may do so for ever.
  [[nodiscard]] Duration oldest_wait(TimePoint now) const;
  [[nodiscard]] SharedEndpoint& shared() const { return shared_; }

  // Ends the process if the books are wrong. Called once a second while there are connections.
  void audit() const;

 private:
  // A connection returned so recently needs no second look.
  static constexpr Duration fresh_time = 1ms;
  static constexpr std::uint64_t fresh_turns = 2;
  static constexpr Duration fresh_turns_time = 50ms;
  // How long a backend that has said it will close is given to do so: less when others wait for its
  // permit.
  static constexpr Duration leaving_grace = 1s;
  static constexpr Duration missed_grace = 20ms;
  static constexpr Duration patient_grace = 5s;  // where it must not be us
  // How long beyond its idle_timeout, if that is given, a connection rests for the backend to close
  // it: as long again, within bounds; or so long where it must not be us.
  static constexpr Duration shortest_rest = 1s;
  static constexpr Duration longest_rest = 60s;
  static constexpr Duration patient_rest = 5min;
  // How long a connection that has reached a learned limit of requests is watched instead of being
  // closed.
  static constexpr Duration cap_trial_time = 1s;
  // How long a client may leave its pinned connection unused although others wait for the permit.
  static constexpr Duration pinned_grace = 1s;
  // The pause after failed attempts, half of it at random: so long at first, twice as long after
  // each one that fails after a pause.
  static constexpr Duration retry_connect = 100ms;
  static constexpr Duration max_retry_connect = 1s;
  // What this machine is short of may be back at any time: within a second it is to be noticed.
  static constexpr Duration max_retry_shortage = 800ms;
  // After so many failures in a row attempts are made one at a time and only after each pause, and
  // requests that find no connection fail at once.
  static constexpr std::uint32_t tolerated_failures = 3;
  // So many attempts are under way at a time, and only one after those failures: then each that
  // succeeds allows twice as many, so that a backend that is back is not run over.
  static constexpr std::size_t max_connecting = 16;
  // A source address that the kernel had no port for is passed over for so long.
  static constexpr Duration source_pause = 100ms;
  // How often it is looked whether enough idle connections are there.
  static constexpr Duration warm_interval = 100ms;

  // How often the books are looked over, and how many connections of each state then.
  static constexpr Duration audit_interval = 1s;
  static constexpr std::size_t audited_connections = 1000;

  // The books' own deadline.
  class Auditor final : public Timer {
   public:
    explicit Auditor(Endpoint& endpoint) : endpoint_(endpoint) {}
    void on_deadline(TimePoint now) override { endpoint_.on_audit(now); }

   private:
    Endpoint& endpoint_;
  };

  // Keeps pool.min_idle connections ready.
  class Warmer final : public Timer {
   public:
    explicit Warmer(Endpoint& endpoint) : endpoint_(endpoint) {}
    void on_deadline(TimePoint now) override { endpoint_.keep_warm(now); }

   private:
    Endpoint& endpoint_;
  };

  void on_deadline(TimePoint now) override;
  void on_audit(TimePoint now);
  void keep_warm(TimePoint now);
  void look_for_pinning(TimePoint now);
  [[nodiscard]] UpstreamConnection& open();
  [[nodiscard]] std::string ledger() const;

  [[nodiscard]] bool fresh(const UpstreamConnection& connection, TimePoint now) const;
  enum class Pause : std::uint8_t { kept, skipped };
  [[nodiscard]] std::optional<Error> connect_more(Pause pause = Pause::kept);
  [[nodiscard]] std::optional<Error> connect_one();
  [[nodiscard]] std::optional<Error> connect_from_any();
  [[nodiscard]] std::optional<Error> connect_from(std::size_t source);
  [[nodiscard]] std::size_t held_off() const;
  [[nodiscard]] bool may_spend_port();
  void note_reachable();
  void note_shortage(Error error);
  void back_off(Error error);
  [[nodiscard]] bool begin_trial();
  void come_back();
  void tell_of_setting_aside(std::string_view what);
  [[nodiscard]] bool circuit_open() const { return failures_ >= tolerated_failures; }
  [[nodiscard]] bool has_memory() const;
  void note_retired(UpstreamConnection& connection, Retirement reason);
  void close(UpstreamConnection& connection);
  void leave_to_backend(UpstreamConnection& connection);
  void expire(UpstreamConnection& connection, Retirement reason);
  [[nodiscard]] bool waits_for_backend() const;
  [[nodiscard]] bool learns_idle() const { return options_.pool.idle_timeout == learned_timeout; }
  [[nodiscard]] TimePoint rests_until(const UpstreamConnection& connection) const;
  [[nodiscard]] bool tries_beyond_cap(const UpstreamConnection& connection) const {
    return connection.use().requests >= learned_cap_;
  }
  static constexpr std::uint64_t no_cap = std::numeric_limits<std::uint64_t>::max();
  void make_way();
  [[nodiscard]] Lease lease_resting();
  void learn_end(Duration idle, std::uint64_t answers);
  void learn_end(const UpstreamConnection& connection);
  void follow_learned();
  void count_closed(const UpstreamConnection& connection);
  void keep_connecting();
  void serve_waiters();
  void fail_waiters(Error error);
  [[nodiscard]] bool letting_go() const { return context_.draining || removed_; }
  [[nodiscard]] bool hopeless() const { return pool_.connecting() + pool_.leased() == 0; }
  void arm();
  Exchange* take_out(Exchange* exchange);
  [[nodiscard]] Waiters<Exchange>& queue_of(const Exchange& exchange);
  void make_way_for_replays();
  [[nodiscard]] bool starved() const;
  void rest_pinned(UpstreamConnection& connection);

  void call_for_help();
  [[nodiscard]] std::optional<unsigned> neighbour_in_need() const;
  [[nodiscard]] unsigned next_of(std::uint64_t workers) const;
  void help_neighbours();
  void pass_on_permit();
  [[nodiscard]] bool yield_permit();
  void note_served() { turn_ -= turn_ != 0 ? 1 : 0; }
  void donate(UpstreamConnection& connection, unsigned worker);
  void add_held(int change) const;

  Context& context_;
  SharedEndpoint& shared_;
  const UpstreamOptions& options_;
  const Upstream& upstream_;
  http1::HeadLimits answer_limits_;
  std::string authority_;
  LearnedLimits learned_;
  std::uint64_t learned_cap_;      // of requests for each connection; no_cap: none
  Duration safe_idle_{};           // what was learned last, if it is
  TimePoint limits_changed_at_{};  // deadlines set before are those of other limits
  Pool<UpstreamConnection> pool_;
  Auditor auditor_{*this};
  Warmer warmer_{*this};
  std::uint32_t warm_;  // this worker's share of pool.min_idle
  Patience patience_;
  PinningGuard guard_;
  EndpointTally tally_;
  std::uint64_t opened_ = 0;  // connections, attempts included, since the start
  std::uint64_t closed_ = 0;  // of those
  // Of several workers that are short: requests that this one may serve before the next worker's
  // turn comes. As many as waited when its own came, so that clients are served alike however
  // many of them a worker has.
  std::size_t turn_ = 0;
  Waiters<Exchange> waiters_;
  Waiters<Exchange> replays_;            // those who wait for a connection that nobody has used
  TimePoint next_connect_{};             // no attempt for those who wait already before this time
  Duration pause_{};                     // the last one's length; 0 after a success
  std::size_t window_ = max_connecting;  // so many attempts at a time
  std::uint32_t failures_ = 0;           // attempts in a row that the backend let fail
  Error last_failure_{};                 // valid while failures_ != 0
  Speaks speaks_ = Speaks::unknown;
  Health health_;
  bool told_of_it_ = false;        // the log knows that it is set aside
  bool removed_ = false;           // its address is not one of the upstream's any more
  std::optional<Error> shortage_;  // of this machine, if the last attempt met one
  LogBrake health_brake_;
  LogBrake replay_brake_;
};

}  // namespace holdfast
