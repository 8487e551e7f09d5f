#include <benchmark/benchmark.h>

#include <vector>

#include "pool/pool.h"

namespace holdfast {
namespace {

struct Connection : PoolMember {};

// With so many idle connections: the cost must not depend on it.
void lease_and_give_back(benchmark::State& state) {
  const PoolLimits limits{.max_connections = 4096, .max_idle = 4096};
  Pool<Connection> pool(limits);
  std::vector<Connection> connections(static_cast<std::size_t>(state.range(0)));
  TimePoint now(1h);
  for (Connection& connection : connections) {
    pool.start(connection);
    pool.connected(connection, now, 0);
  }
  for (auto _ : state) {
    Connection* leased = pool.lease();
    const ReturnFacts facts{.fault = Retirement::none, .reusable = true};
    benchmark::DoNotOptimize(pool.give_back(*leased, facts, now));
  }
  for (Connection& connection : connections) {
    pool.retire(connection);
    pool.forget(connection);
  }
}
BENCHMARK(lease_and_give_back)->Arg(1)->Arg(64)->Arg(4096);

}  // namespace
}  // namespace holdfast
