#include <benchmark/benchmark.h>

#include <array>

#include "codec/http1/decoder.h"
#include "codec/http1/encoder.h"
#include "messages.h"

namespace holdfast::http1 {
namespace {

void write_request(benchmark::State& state, std::string_view request) {
  FieldTable table;
  const HeadLimits limits;
  RequestDecoder decoder(table, limits, 0);
  static_cast<void>(decoder.next(request));
  RequestPlan plan;
  plan.host = decoder.head().host;
  plan.client_address = "192.0.2.7";
  std::array<char, 4096> out;
  std::size_t bytes = 0;
  for (auto _ : state) {
    bytes += encode_request(decoder.head(), plan, out);
    benchmark::ClobberMemory();
  }
  state.SetBytesProcessed(static_cast<std::int64_t>(bytes));
}
BENCHMARK_CAPTURE(write_request, small, small_request);
BENCHMARK_CAPTURE(write_request, browser, browser_request);

void write_response(benchmark::State& state) {
  FieldTable table;
  const HeadLimits limits;
  ResponseDecoder decoder(table, limits);
  decoder.expect(Method::get);
  static_cast<void>(decoder.next(server_answer));
  const ResponsePlan plan{
      .connection = ConnectionWord::none, .body = BodyKind::length, .content_length = 1024};
  std::array<char, 4096> out;
  std::size_t bytes = 0;
  for (auto _ : state) {
    bytes += encode_response(decoder.head(), plan, out);
    benchmark::ClobberMemory();
  }
  state.SetBytesProcessed(static_cast<std::int64_t>(bytes));
}
BENCHMARK(write_response);

void write_chunk_line(benchmark::State& state) {
  std::array<char, chunk_line_bytes> out;
  std::uint64_t payload = 1;
  std::size_t bytes = 0;
  for (auto _ : state) {
    bytes += encode_chunk_line(payload, out);
    benchmark::ClobberMemory();
    payload = payload % 65536 + 1;
  }
  state.SetBytesProcessed(static_cast<std::int64_t>(bytes));
}
BENCHMARK(write_chunk_line);

}  // namespace
}  // namespace holdfast::http1
