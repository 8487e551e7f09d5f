#include <benchmark/benchmark.h>

#include <memory>
#include <vector>

#include "base/timer_wheel.h"

namespace holdfast {
namespace {

struct Deadline final : Timer {
  void on_deadline(TimePoint) override {}
};

// What a kept-alive connection does on each request: its deadline moves.
void move_a_deadline(benchmark::State& state) {
  TimePoint now(1h);
  const auto wheel = std::make_unique<TimerWheel>(now);
  Deadline timer;
  for (auto _ : state) {
    wheel->arm(timer, now + 10s);
    wheel->arm(timer, now + 75s);
  }
  wheel->disarm(timer);
}
BENCHMARK(move_a_deadline);

void arm_and_disarm(benchmark::State& state) {
  TimePoint now(1h);
  const auto wheel = std::make_unique<TimerWheel>(now);
  Deadline timer;
  for (auto _ : state) {
    wheel->arm(timer, now + 10s);
    wheel->disarm(timer);
  }
}
BENCHMARK(arm_and_disarm);

// One tick of a worker with so many idle connections, none of which is due.
void advance_a_tick(benchmark::State& state) {
  TimePoint now(1h);
  const auto wheel = std::make_unique<TimerWheel>(now);
  std::vector<Deadline> timers(static_cast<std::size_t>(state.range(0)));
  for (std::size_t i = 0; i < timers.size(); ++i) {
    wheel->arm(timers[i], now + 24h + i * TimerWheel::tick);
  }
  for (auto _ : state) {
    now += TimerWheel::tick;
    wheel->advance(now);
    benchmark::DoNotOptimize(wheel->next_advance());
  }
  for (Deadline& timer : timers) {
    wheel->disarm(timer);
  }
}
BENCHMARK(advance_a_tick)->Arg(0)->Arg(10'000);

}  // namespace
}  // namespace holdfast
