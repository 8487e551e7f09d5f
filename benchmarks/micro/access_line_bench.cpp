#include <benchmark/benchmark.h>

#include <memory>

#include "base/log_lane.h"
#include "messages.h"
#include "proxy/access_line.h"

namespace holdfast {
namespace {

// What a logged request costs a worker: reading the words of its head again, making the line,
// copying it into the lane. The lane is emptied as the writer would.
void log_request(benchmark::State& state, AccessLogFormat format) {
  AccessFacts facts;
  facts.client = "192.0.2.7";
  facts.status = 200;
  facts.bytes_out = 1024;
  facts.wait = 0ms;
  facts.first_byte = 1234us;
  facts.upstream = "legacy";
  facts.server = "10.0.0.5:80";
  facts.request_id = "0123456789abcdef0123456789abcdef";
  facts.connection = 17;
  facts.request_of_it = 412;
  facts.reused = true;
  facts.tries = 1;
  facts.duration = 2345us;
  AccessLine line(format);
  Wakeup wakeup;
  LogLane lane(1 << 22, wakeup);
  const auto room = std::make_unique_for_overwrite<char[]>(AccessLine::max_bytes);
  std::int64_t bytes = 0;
  for (auto _ : state) {
    facts.ended += 10us;
    facts.request = http1::read_request_words(browser_request);
    const std::size_t size = line.write(facts, {room.get(), AccessLine::max_bytes});
    lane.put({room.get(), size});
    lane.ring().consume(size);
    bytes += static_cast<std::int64_t>(size);
  }
  state.SetBytesProcessed(bytes);
}
BENCHMARK_CAPTURE(log_request, combined, AccessLogFormat::combined);
BENCHMARK_CAPTURE(log_request, json, AccessLogFormat::json);
BENCHMARK_CAPTURE(log_request, logfmt, AccessLogFormat::logfmt);

void read_words(benchmark::State& state) {
  for (auto _ : state) {
    benchmark::DoNotOptimize(http1::read_request_words(browser_request));
  }
}
BENCHMARK(read_words);

}  // namespace
}  // namespace holdfast
