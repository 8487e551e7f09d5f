#include "simulation/runs.h"

#include <unistd.h>

#include <array>
#include <atomic>
#include <csignal>
#include <cstdio>
#include <cstring>

namespace holdfast {
namespace {

// What is running, for the handler of a signal, which gets no arguments.
struct Running {
  std::atomic<std::uint64_t> seed{0};
  std::atomic<std::uint64_t> exchanges{0};
};
Running running;

void tell_seed(int signal) {
  std::array<char, 160> line{};
  const int bytes = std::snprintf(line.data(), line.size(),
                                  "simulation: signal %d in seed %llu; repeat: "
                                  "./dev simulate --seed %llu --exchanges %llu\n",
                                  signal, static_cast<unsigned long long>(running.seed),
                                  static_cast<unsigned long long>(running.seed),
                                  static_cast<unsigned long long>(running.exchanges));
  static_cast<void>(!write(STDERR_FILENO, line.data(), static_cast<std::size_t>(bytes)));
}

// While it lives a broken invariant of the proxy, which ends the process, tells the seed.
class SeedTeller {
 public:
  SeedTeller(std::uint64_t seed, std::uint64_t exchanges) {
    running.seed = seed;
    running.exchanges = exchanges;
    struct sigaction action {};
    action.sa_handler = tell_seed;
    action.sa_flags = static_cast<int>(SA_RESETHAND);
    sigaction(SIGABRT, &action, &before_);
  }
  SeedTeller(const SeedTeller&) = delete;
  SeedTeller& operator=(const SeedTeller&) = delete;
  ~SeedTeller() { sigaction(SIGABRT, &before_, nullptr); }

 private:
  struct sigaction before_ {};
};

void print_line(std::string_view name, std::uint64_t count) {
  std::printf("  %-36.*s %12llu\n", static_cast<int>(name.size()), name.data(),
              static_cast<unsigned long long>(count));
}

}  // namespace

void SimResult::add(const SimResult& other) {
  exchanges += other.exchanges;
  steps += other.steps;
  digest = digest * 31 + other.digest;
  tally.add(other.tally);
  counters.add(other.counters);
  if (broken.empty() && !other.broken.empty()) {
    broken = other.broken;
    seed = other.seed;
  }
}

SimResult simulate_seed(std::uint64_t seed, std::uint64_t exchanges, SimWorld::Tells tells) {
  const SeedTeller teller(seed, exchanges);
  SimRandom random(seed);
  auto world = std::make_unique<SimWorld>(random, tells);
  world->run(exchanges);
  SimResult result{.seed = seed,
                   .exchanges = world->exchanges(),
                   .steps = world->judge().steps(),
                   .digest = world->judge().digest(),
                   .broken = world->judge().what(),
                   .tally = world->tally(),
                   .counters = world->counters()};
  if (!result.broken.empty()) {
    // Its parts are in the middle of things and would refuse to be destroyed.
    static_cast<void>(world.release());
  }
  return result;
}

std::string how_to_repeat(std::uint64_t seed, std::uint64_t exchanges) {
  return "./dev simulate --seed " + std::to_string(seed) + " --exchanges " +
         std::to_string(exchanges) + " --trace";
}

void print_table(const SimResult& result) {
  std::printf("what happened\n");
  for (std::size_t i = 0; i < sim_event_count; ++i) {
    print_line(sim_event_name(static_cast<SimEvent>(i)), result.tally.events[i]);
  }
  print_line("replays", result.counters.replays);
  print_line("connections opened", result.counters.upstream_opened);
  print_line("leases", result.counters.upstream_leases);
  std::printf("answers by status\n");
  for (std::size_t i = 0; i < result.tally.statuses.size(); ++i) {
    if (result.tally.statuses[i] != 0) {
      print_line(std::to_string(i), result.tally.statuses[i]);
    }
  }
  std::printf("failures by kind\n");
  for (std::size_t i = 0; i < error_code_count; ++i) {
    print_line(error_row(static_cast<ErrorCode>(i)).name, result.counters.errors[i]);
  }
  std::printf("connections retired, by reason\n");
  for (std::size_t i = 1; i < retirement_count; ++i) {
    print_line(retirement_name(static_cast<Retirement>(i)), result.counters.retirements[i]);
  }
}

}  // namespace holdfast
