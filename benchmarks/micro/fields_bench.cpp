// What of reading a head are the fields: looking at each byte, splitting lines, naming them.

#include <benchmark/benchmark.h>

#include <array>
#include <string_view>

#include "codec/http1/fields.h"
#include "codec/http1/head_split.h"
#include "codec/http1/raw_scan.h"
#include "messages.h"

namespace holdfast::http1 {
namespace {

void count_bytes(benchmark::State& state, std::string_view message) {
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(message.size()));
}

void scan_head(benchmark::State& state, std::string_view head) {
  for (auto _ : state) {
    HeadScan scan;
    if (scan.next(head) != HeadScan::Found::end) {
      state.SkipWithError("the head is refused");
    }
    benchmark::DoNotOptimize(scan.position());
  }
  count_bytes(state, head);
}
BENCHMARK_CAPTURE(scan_head, small, small_request);
BENCHMARK_CAPTURE(scan_head, browser, browser_request);
BENCHMARK_CAPTURE(scan_head, answer, server_answer);

void split_lines(benchmark::State& state, HeadKind kind, std::string_view head) {
  std::array<Field, 64> table;
  const std::size_t start_line_bytes = head.find('\r');
  for (auto _ : state) {
    const auto fields = split_fields(kind, head, start_line_bytes, table);
    if (!fields) {
      state.SkipWithError("the head is refused");
    }
    benchmark::ClobberMemory();
  }
  count_bytes(state, head);
}
BENCHMARK_CAPTURE(split_lines, small, HeadKind::request, small_request);
BENCHMARK_CAPTURE(split_lines, browser, HeadKind::request, browser_request);
BENCHMARK_CAPTURE(split_lines, answer, HeadKind::response, server_answer);

// Names that we know and names that we do not, in the cases that come.
void name_field(benchmark::State& state) {
  constexpr std::array<std::string_view, 8> names{
      "Host",       "User-Agent", "Accept",         "Accept-Encoding",
      "connection", "Cookie",     "content-length", "Upgrade-Insecure-Requests"};
  std::size_t next = 0;
  for (auto _ : state) {
    benchmark::DoNotOptimize(field_id(names[next]));
    next = (next + 1) % names.size();
  }
}
BENCHMARK(name_field);

void check_value(benchmark::State& state) {
  constexpr std::string_view value =
      "text/html,application/xhtml+xml,application/xml;q=0.9,image/webp,*/*;q=0.8";
  for (auto _ : state) {
    benchmark::DoNotOptimize(valid_field_value(value));
  }
  count_bytes(state, value);
}
BENCHMARK(check_value);

}  // namespace
}  // namespace holdfast::http1
