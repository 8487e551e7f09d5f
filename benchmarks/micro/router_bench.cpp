// How long it takes to find a route, among few and among many.

#include <benchmark/benchmark.h>

#include <string>
#include <vector>

#include "proxy/router.h"

namespace holdfast {
namespace {

std::vector<RouteOptions> routes_by_host(std::int64_t count) {
  std::vector<RouteOptions> routes;
  for (std::int64_t i = 0; i < count; ++i) {
    routes.push_back({"service-" + std::to_string(i) + ".example.test", "/", "u"});
  }
  return routes;
}

std::vector<RouteOptions> routes_by_path(std::int64_t count) {
  std::vector<RouteOptions> routes;
  for (std::int64_t i = 0; i < count; ++i) {
    routes.push_back({"", "/service-" + std::to_string(i), "u"});
  }
  return routes;
}

void find_host(benchmark::State& state) {
  const Router router(routes_by_host(state.range(0)));
  for (auto _ : state) {
    benchmark::DoNotOptimize(router.find("service-0.example.test:8080", "/v1/users/1234?x=y"));
  }
}

void find_path(benchmark::State& state) {
  const Router router(routes_by_path(state.range(0)));
  for (auto _ : state) {
    benchmark::DoNotOptimize(router.find("example.test", "/service-0/users/1234?x=y"));
  }
}

// A path that has to be read in every way.
void find_odd_path(benchmark::State& state) {
  const Router router(routes_by_path(state.range(0)));
  for (auto _ : state) {
    benchmark::DoNotOptimize(router.find("example.test", "/service-0/a%2Fb;c//d/../e"));
  }
}

BENCHMARK(find_host)->Arg(1)->Arg(1000);
BENCHMARK(find_path)->Arg(1)->Arg(1000);
BENCHMARK(find_odd_path)->Arg(1)->Arg(1000);

}  // namespace
}  // namespace holdfast
