// The chunks of a body: our grammar and llhttp must agree, whole and in pieces, and what both take
// another reader takes the same way.
//
// Input: how the bytes are cut and whose they are, then the chunks.

#include <string>
#include <string_view>

#include "codec/http1/chunked_body.h"
#include "fuzz/input.h"
#include "fuzz/strict_http.h"

namespace holdfast::http1 {
namespace {

using fuzz::Input;
using fuzz::Pieces;
using fuzz::Window;

struct Bounds {
  ChunkedFrom from;
  std::uint64_t max_body;
};

struct Seen {
  std::string payload;
  StepKind outcome = StepKind::need_more;
  ErrorCode error{};
  std::size_t bytes = 0;

  friend bool operator==(const Seen&, const Seen&) = default;
};

Seen read(std::string_view bytes, Pieces pieces, const Bounds& bounds) {
  ChunkedBody body;
  body.start(bounds.from);
  Seen seen;
  std::size_t given = std::min(pieces.next(), bytes.size());
  while (true) {
    const Window window(bytes.substr(seen.bytes, given - seen.bytes));
    const Step step = body.next(window.view(), bounds.max_body, ErrorCode::malformed_request);
    check(step.consumed <= window.view().size(), "more is consumed than was given");
    seen.bytes += step.consumed;
    seen.payload += step.body;
    if (step.kind == StepKind::need_more) {
      check(seen.bytes == given, "bytes are left though more are asked for");
      if (given < bytes.size()) {
        given = std::min(bytes.size(), given + std::min(pieces.next(), bytes.size()));
        continue;
      }
    } else if (step.kind == StepKind::body) {
      check(!step.body.empty(), "a body step without a body");
      continue;
    }
    seen.outcome = step.kind;
    seen.error = step.error;
    return seen;
  }
}

}  // namespace
}  // namespace holdfast::http1

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  using namespace holdfast;
  using namespace holdfast::http1;
  Input input(bytes, size);
  const Pieces pieces(input.byte());
  const std::uint8_t choice = input.byte();
  const Bounds bounds{(choice & 1) != 0 ? ChunkedFrom::backend : ChunkedFrom::client,
                      (choice & 2) != 0 ? 100U : 0U};
  const std::string_view chunks = input.rest();
  const Seen seen = read(chunks, Pieces(Pieces::whole), bounds);
  const Seen again = read(chunks, pieces, bounds);
  check(seen.outcome == again.outcome && seen.error == again.error,
        "the verdict depends on the cut");
  check(bounds.max_body == 0 || seen.payload.size() <= bounds.max_body, "a body over its limit");
  if (seen.outcome == StepKind::error) {
    check(seen.payload.starts_with(again.payload) || again.payload.starts_with(seen.payload),
          "the payload depends on the cut");
    return 0;
  }
  check(seen == again, "what is read depends on the cut");
  std::size_t end = 0;
  const auto payload = fuzz::strict::read_chunks(chunks, end);
  check(payload.has_value() == (seen.outcome == StepKind::end), "another reader sees no end");
  if (payload) {
    check(end == seen.bytes, "another reader sees another end");
    check(*payload == seen.payload, "another reader sees another payload");
  }
  return 0;
}
