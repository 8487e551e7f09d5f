#include <benchmark/benchmark.h>

#include <string>

#include "codec/http1/decoder.h"
#include "messages.h"

namespace holdfast::http1 {
namespace {

void count_bytes(benchmark::State& state, std::string_view message) {
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(message.size()));
}

void decode_request(benchmark::State& state, std::string_view request) {
  FieldTable table;
  const HeadLimits limits;
  RequestDecoder decoder(table, limits, 0);
  for (auto _ : state) {
    decoder.reset();
    const Step head = decoder.next(request);
    const Step end = decoder.next(request.substr(head.consumed));
    if (head.kind != StepKind::head || end.kind != StepKind::end) {
      state.SkipWithError("the request is refused");
    }
    benchmark::DoNotOptimize(decoder.head());
  }
  count_bytes(state, request);
}
BENCHMARK_CAPTURE(decode_request, small, small_request);
BENCHMARK_CAPTURE(decode_request, browser, browser_request);

void decode_response_head(benchmark::State& state) {
  FieldTable table;
  const HeadLimits limits;
  ResponseDecoder decoder(table, limits);
  for (auto _ : state) {
    decoder.reset();
    decoder.expect(Method::get);
    if (decoder.next(server_answer).kind != StepKind::head) {
      state.SkipWithError("the answer is refused");
    }
    benchmark::DoNotOptimize(decoder.head());
  }
  count_bytes(state, server_answer);
}
BENCHMARK(decode_response_head);

// A body of 64 KiB in chunks of so many bytes.
void decode_chunks(benchmark::State& state) {
  const auto chunk_bytes = static_cast<std::size_t>(state.range(0));
  std::string message = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
  for (std::size_t sent = 0; sent < 64 * 1024; sent += chunk_bytes) {
    constexpr std::string_view digits = "0123456789abcdef";
    std::string size;
    for (std::size_t rest = chunk_bytes; rest != 0; rest /= 16) {
      size.insert(size.begin(), digits[rest % 16]);
    }
    message += size + "\r\n" + std::string(chunk_bytes, 'x') + "\r\n";
  }
  message += "0\r\n\r\n";
  FieldTable table;
  const HeadLimits limits;
  ResponseDecoder decoder(table, limits);
  for (auto _ : state) {
    decoder.reset();
    decoder.expect(Method::get);
    std::string_view bytes = message;
    Step step;
    while (step.kind != StepKind::end && step.kind != StepKind::error) {
      step = decoder.next(bytes);
      bytes.remove_prefix(step.consumed);
      benchmark::DoNotOptimize(step.body);
    }
    if (step.kind == StepKind::error) {
      state.SkipWithError("the answer is refused");
    }
  }
  count_bytes(state, message);
}
BENCHMARK(decode_chunks)->Arg(64)->Arg(1024)->Arg(16 * 1024);

}  // namespace
}  // namespace holdfast::http1
