#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/time.h"
#include "proxy/fake_worker.h"
#include "simulation/ledger.h"
#include "simulation/random.h"
#include "simulation/settings.h"
#include "simulation/wire.h"

namespace holdfast {

// What happens in a run beside what the proxy counts itself.
enum class SimEvent : std::uint8_t {
  answers_whole,
  answers_of_our_own,
  answers_cut,
  answers_cut_unseen,
  closed_unanswered,
  closed_unread,
  refused_requests,
  interim_answers,
  invitations,
  heads_at_backends,
  executions,
  executed_twice,
  early_answers,
  extra_bytes,
  bytes_while_idle,
  closed_while_idle,
  backend_faults,
  restarts,
  refused_connects,
  unanswered_connects,
  local_trouble,
  clients,
  clients_reset,
  clients_left,
  clients_half_closed,
  clients_slow,
  time_jumps,
  moves,
  drains,
  ended_at_once,
  last_ = ended_at_once,
};
inline constexpr std::size_t sim_event_count = static_cast<std::size_t>(SimEvent::last_) + 1;
[[nodiscard]] std::string_view sim_event_name(SimEvent event);

struct SimTally {
  std::array<std::uint64_t, sim_event_count> events{};
  std::array<std::uint64_t, 600> statuses{};  // of whole answers, and of our own

  void count(SimEvent event) { ++events[static_cast<std::size_t>(event)]; }
  [[nodiscard]] std::uint64_t of(SimEvent event) const {
    return events[static_cast<std::size_t>(event)];
  }
  void add(const SimTally& other);
};

// Hears of each step: keeps a digest of all of them, tells of them if asked to, and remembers the
// first rule that was broken.
class SimJudge {
 public:
  explicit SimJudge(bool tells) : tells_(tells) {}

  void note(std::string_view what, std::uint64_t a = 0, std::uint64_t b = 0);
  // For people only.
  void tell(std::string_view text) const;
  [[nodiscard]] bool tells() const { return tells_; }
  void broken(std::string text);
  void expect(bool holds, std::string_view text, std::uint64_t number = 0) {
    if (!holds) {
      broken(std::string(text) + " (" + std::to_string(number) + ")");
    }
  }

  [[nodiscard]] bool anything_broken() const { return !broken_.empty(); }
  [[nodiscard]] const std::string& what() const { return broken_; }
  [[nodiscard]] std::uint64_t digest() const { return digest_; }
  [[nodiscard]] std::uint64_t steps() const { return steps_; }
  void next_step() { ++steps_; }

 private:
  std::uint64_t digest_ = 1469598103934665603;
  std::uint64_t steps_ = 0;
  std::string broken_;
  bool tells_;
};

// What all actors of a run share.
struct SimScene {
  SimScene(SimRandom& its_random, bool tells)
      : random(its_random), settings(its_random), judge(tells) {}

  SimRandom& random;
  SimSettings settings;
  SimJudge judge;
  SimTally tally;
  SimLedger ledger;
  SimText text;
  FakeClock clock;
  std::uint64_t wires = 0;
  std::uint64_t exchanges = 0;  // requests that clients have begun to send
  bool closing_time = false;    // no new ones
  TimePoint jumped_at{};        // the clock, last time

  [[nodiscard]] TimePoint now() const { return clock.now(); }
};

// Somebody at the far end of a wire, which is his; he acts when it is his turn.
class SimActor : public FarSide {
 public:
  explicit SimActor(SimScene& scene) : scene_(scene) {
    wire_.far = this;
    wire_.number = ++scene.wires;
    wire_.capacity = scene.settings.kernel_bytes;
  }
  SimActor(const SimActor&) = delete;
  SimActor& operator=(const SimActor&) = delete;
  virtual ~SimActor() = default;

  // Takes one step of its own, or lets the network take one. False if there is nothing to do now.
  virtual bool act() = 0;
  // When it will have something to do though nothing happens until then; or the end of time.
  [[nodiscard]] TimePoint wakes_at() const {
    const TimePoint now = scene_.now();
    const TimePoint awake = pauses_until_ > now ? pauses_until_ : TimePoint::max();
    return std::min(awake, alarm_ > now ? alarm_ : TimePoint::max());
  }
  // It will never act again.
  [[nodiscard]] bool gone() const { return gone_ && wire_.near_closed; }
  [[nodiscard]] SimWire& wire() { return wire_; }

 protected:
  [[nodiscard]] bool let_arrive() { return wire_.let_arrive(scene_.random); }
  [[nodiscard]] bool pauses() const { return scene_.now() < pauses_until_; }
  void pause_for(Duration time) { pauses_until_ = scene_.now() + time; }

  SimScene& scene_;
  SimWire wire_;
  TimePoint pauses_until_{};
  TimePoint alarm_{};
  bool gone_ = false;
};

}  // namespace holdfast
