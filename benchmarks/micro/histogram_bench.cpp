#include <benchmark/benchmark.h>

#include <memory>

#include "metrics/histogram.h"

namespace holdfast {
namespace {

// What each request costs: a latency is counted. They differ, as they do in life.
void count_a_value(benchmark::State& state) {
  const auto histogram = std::make_unique<Histogram>();
  std::uint64_t value = 1;
  for (auto _ : state) {
    histogram->add(value);
    value = value * 7 % 1'000'003;
  }
  benchmark::DoNotOptimize(histogram->sum());
}
BENCHMARK(count_a_value);

// What each look at the metrics costs, per worker and for each histogram.
void add_up_and_ask(benchmark::State& state) {
  const auto one = std::make_unique<Histogram>();
  for (std::uint64_t value = 1; value < 100'000; value += 17) {
    one->add(value);
  }
  for (auto _ : state) {
    Histogram all;
    all.add(*one);
    benchmark::DoNotOptimize(all.quantile(0.99));
  }
}
BENCHMARK(add_up_and_ask);

}  // namespace
}  // namespace holdfast
