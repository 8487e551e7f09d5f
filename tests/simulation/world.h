#pragma once

#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "proxy/fake_worker.h"
#include "simulation/scene.h"
#include "simulation/sim_backend.h"
#include "simulation/sim_client.h"
#include "simulation/sim_stream.h"

namespace holdfast {

// The whole proxy but for its sockets, threads and clock, between simulated clients and backends:
// all of one run. Goes on step by step; after each step the rules that must always hold are
// checked. Single-threaded, and the same in each run with the same choices.
class SimWorld final : public SimNetwork {
 public:
  enum class Tells : bool { no, yes };

  SimWorld(SimRandom& choices, Tells tells);

  // Until clients have begun so many requests and all is at rest again, or a rule is broken.
  void run(std::uint64_t exchanges);

  [[nodiscard]] const SimJudge& judge() const { return scene_.judge; }
  [[nodiscard]] const SimTally& tally() const { return scene_.tally; }
  [[nodiscard]] const SimSettings& settings() const { return scene_.settings; }
  [[nodiscard]] std::uint64_t exchanges() const { return scene_.exchanges; }
  [[nodiscard]] Counters counters() const;

 private:
  // One worker with its streams and what others have sent to it.
  struct Place {
    explicit Place(SimNetwork& network) : streams(network) {}
    SimStreams streams;
    std::unique_ptr<FakeWorker> worker;
    std::deque<FakeNeighbours::Letter> letters;
    bool draining = false;
  };

  int on_connect(SimStream& stream, const SocketAddress& to) override;
  void on_near_end(const SimWire& wire, std::string_view what) override {
    scene_.judge.note(what, wire.number, wire.inbound.size());
  }

  // Steps. Each says whether there was anything to take.
  bool step();
  bool turn(Place& place);
  bool end_turn(Place& place);
  void deliver(Place& place);
  void let_things_happen();
  bool move_on();
  void come_to_rest();
  void admit_client();
  void jump();
  void restart_server();
  void drain(Place& place);
  void end_all_at_once();
  void forget_gone();

  // Rules.
  void check_step();
  void check_ledgers();
  void check_parked(FakeWorker& worker);
  void check_memory(Place& place);
  void check_waits();
  void check_rest();
  [[nodiscard]] std::string_view leftover();

  SimScene scene_;
  FakeNeighbours neighbours_;
  std::vector<std::unique_ptr<SharedEndpoint>> shared_;
  std::vector<std::unique_ptr<Place>> places_;
  std::vector<std::unique_ptr<SimBackend>> backends_;
  std::vector<std::unique_ptr<SimClient>> clients_;
  std::vector<TimePoint> down_until_;  // by server
  std::uint64_t attempts_ = 0;         // connections to backends that workers began to have
  std::uint64_t aim_ = 0;
  bool ended_ = false;  // at once
};

}  // namespace holdfast
