// What a backend sends, as the response decoder and the encoder see it.
//
// Input: how the bytes are cut, the methods of the requests that are answered, the bounds, then the
// stream itself. Where the stream stops the backend has sent end of stream.

#include <string>
#include <string_view>
#include <vector>

#include "codec/http1/decoder.h"
#include "codec/http1/encoder.h"
#include "fuzz/input.h"
#include "fuzz/strict_http.h"

namespace holdfast::http1 {
namespace {

using fuzz::Input;
using fuzz::Pieces;
using fuzz::Window;
namespace strict = fuzz::strict;

constexpr std::size_t max_messages = 8;

struct Asked {
  Method method;
  std::string_view text;
};
constexpr Asked methods[] = {
    {Method::get, "GET"}, {Method::head, "HEAD"}, {Method::post, "POST"}, {Method::other, "PURGE"}};

// All that was said of one answer; two ways of cutting must say the same.
struct Seen {
  std::string heads;  // each as it is, and as it goes to the client
  std::string final;  // the last one, encoded
  std::string body;
  std::size_t begin = 0;  // of the final head
  BodyKind kind = BodyKind::none;
  int status = 0;
  bool has_head = false;
  bool until_close = false;  // it took the end of the stream to end it
  bool ended = false;
  bool reusable = false;
  ErrorCode error{};
  std::size_t bytes = 0;

  friend bool operator==(const Seen&, const Seen&) = default;
};

std::string describe(const ResponseHead& head) {
  std::string text(head.reason);
  for (const int fact :
       {static_cast<int>(head.version), head.status, static_cast<int>(head.body),
        int{head.announces_length}, int{head.keep_alive}, int{head.connection_bound}}) {
    text += ' ' + std::to_string(fact);
  }
  text += ' ' + std::to_string(head.content_length) + '\n';
  for (const Field& field : head.fields) {
    text += std::to_string(static_cast<int>(field.id)) + ' ';
    text.append(field.name).append(":").append(field.value).append("\n");
  }
  return text;
}

// As an HTTP/1.1 client is told it: what ends with the connection goes chunked.
ResponsePlan plan_for(const ResponseHead& head) {
  const BodyKind body = head.body == BodyKind::until_close ? BodyKind::chunked : head.body;
  return {.connection = ConnectionWord::none, .body = body, .content_length = head.content_length};
}

std::string encode(const ResponseHead& head) {
  std::vector<char> room(response_bound(head));
  const std::size_t size =
      head.status < 200 ? encode_interim(head, room) : encode_response(head, plan_for(head), room);
  check(size <= room.size(), "an encoded head is longer than its bound");
  return {room.data(), size};
}

// True for the fields that end at this connection.
bool stops_here(std::string_view name) {
  for (const std::string_view one :
       {"connection", "proxy-connection", "keep-alive", "te", "trailer", "transfer-encoding",
        "upgrade", "content-length", "http2-settings"}) {
    if (name == one) {
      return true;
    }
  }
  return false;
}

std::vector<std::string> end_to_end(const strict::Head& head) {
  const auto nominated = strict::elements(head.values("connection"));
  std::vector<std::string> kept;
  for (const strict::Field& field : head.fields) {
    const bool named = std::find(nominated.begin(), nominated.end(), field.name) != nominated.end();
    if (!stops_here(field.name) && !named) {
      kept.push_back(field.name + ": " + field.value);
    }
  }
  return kept;
}

// The head as another reader sees it, before and after.
void judge_head(const ResponseHead& head, std::string_view raw, const std::string& encoded) {
  const auto before = strict::read_response_head(raw);
  check(before.has_value() && before->bytes == raw.size(), "an accepted head is no HTTP");
  const auto after = strict::read_response_head(encoded);
  check(after.has_value() && after->bytes == encoded.size(), "an encoded head is no HTTP");
  check(after->first == "HTTP/1.1", "another version than ours");
  check(after->second == before->second, "another status");
  check(head.status >= 100 && head.status != 101, "a status that is not carried");
  check(end_to_end(*before) == end_to_end(*after), "a field is lost, changed or invented");
  for (const std::string_view gone : {"connection", "te", "trailer", "upgrade", "keep-alive",
                                      "proxy-connection", "http2-settings"}) {
    check(after->values(gone).empty(), "a field of this connection goes further");
  }
  const std::size_t lengths = after->values("content-length").size();
  const std::size_t codings = after->values("transfer-encoding").size();
  check(lengths + codings <= 1, "two framings");
  if (head.status < 200 || head.status == 204) {
    check(lengths + codings == 0, "a framing where none may be");
  }
}

// Ends an answer: what the stream's end says, or the decoder's last word.
void conclude(Seen& seen, const ResponseDecoder& decoder, const Step& step) {
  seen.ended = step.kind == StepKind::end;
  seen.error = step.error;
  seen.reusable = decoder.continues();
  check(seen.reusable || !decoder.reusable(), "reusable, and does not continue");
  check(seen.ended == decoder.complete(), "complete and ended differ");
  if (!seen.ended) {
    check(!seen.reusable, "a broken answer leaves its connection reusable");
    seen.bytes = 0;  // How far it got by then depends on the cut, and is of no use.
  }
}

Seen decode_one(ResponseDecoder& decoder, std::string_view bytes, Pieces pieces,
                const HeadLimits& limits) {
  Seen seen;
  std::size_t given = std::min(pieces.next(), bytes.size());
  while (true) {
    const Window window(bytes.substr(seen.bytes, given - seen.bytes));
    const Step step = decoder.next(window.view());
    check(step.consumed <= window.view().size(), "more is consumed than was given");
    seen.begin = step.kind == StepKind::head ? seen.bytes : seen.begin;
    seen.bytes += step.consumed;
    switch (step.kind) {
      case StepKind::head: {
        const ResponseHead& head = decoder.head();
        check(!seen.has_head, "two final heads of one answer");
        check(step.consumed <= limits.head_bytes && head.fields.size() <= limits.fields,
              "a head over its limit");
        seen.has_head = head.status >= 200;
        seen.status = head.status;
        seen.kind = head.body;
        seen.final = encode(head);
        seen.heads += describe(head) + seen.final;
        judge_head(head, bytes.substr(seen.begin, step.consumed), seen.final);
        break;
      }
      case StepKind::body:
        check(!step.body.empty() && seen.has_head, "a body step without a body or a head");
        seen.body += step.body;
        break;
      case StepKind::need_more:
        if (given < bytes.size()) {
          given = std::min(bytes.size(), given + std::min(pieces.next(), bytes.size()));
          break;
        }
        seen.until_close = true;
        conclude(seen, decoder, decoder.finish());
        return seen;
      case StepKind::end:
      case StepKind::error:
        conclude(seen, decoder, step);
        return seen;
    }
  }
}

// The final answer as another reader sees it, on both sides of the proxy.
void judge_message(const Seen& seen, std::string_view bytes, const Asked& asked) {
  const auto came = strict::read_response(bytes.substr(seen.begin), asked.text);
  if (seen.status != 205) {
    check(came.has_value(), "a complete answer is no HTTP");
    check(came->body == seen.body, "another reader sees another body");
    check(came->ends_by_itself == (seen.kind != BodyKind::until_close), "another framing");
    check(came->bytes == seen.bytes - seen.begin, "another reader sees another end");
  }
  if (seen.reusable) {
    check(came.has_value() && came->ends_by_itself && came->bytes == seen.bytes - seen.begin,
          "a connection is reusable though another reader sees another end");
    const auto words = strict::elements(came->head.values("connection"));
    const bool closes = std::find(words.begin(), words.end(), "close") != words.end();
    const bool keeps = std::find(words.begin(), words.end(), "keep-alive") != words.end();
    check(!closes && (keeps || came->head.first == "HTTP/1.1"), "a connection that will close");
    check(!seen.until_close, "reusable behind the end of its stream");
  }
  std::string sent = seen.final;
  if (seen.kind == BodyKind::chunked || seen.kind == BodyKind::until_close) {
    char line[chunk_line_bytes];
    if (!seen.body.empty()) {
      sent.append(line, encode_chunk_line(seen.body.size(), line));
      sent.append(seen.body).append(chunk_end);
    }
    sent += last_chunk;
  } else {
    sent += seen.body;
  }
  const auto arrives = strict::read_response(sent, asked.text);
  check(arrives.has_value() && arrives->ends_by_itself && arrives->bytes == sent.size(),
        "an answer leaves with another end");
  check(arrives->body == seen.body, "an answer leaves with another body");
}

}  // namespace
}  // namespace holdfast::http1

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  using namespace holdfast;
  using namespace holdfast::http1;
  Input input(bytes, size);
  const Pieces pieces(input.byte());
  std::uint8_t asks = input.byte();
  HeadLimits limits;
  if ((input.byte() & 1) != 0) {
    limits = {.head_bytes = 200, .target_bytes = 64, .fields = 5};
  }
  std::string_view stream = input.rest();
  FieldTable table;
  ResponseDecoder whole(table, limits);
  ResponseDecoder cut(table, limits);
  for (std::size_t i = 0; i < max_messages; ++i) {
    const Asked& asked = methods[asks % 4];
    asks >>= 2;
    whole.expect(asked.method);
    cut.expect(asked.method);
    const Seen seen = decode_one(whole, stream, Pieces(Pieces::whole), limits);
    const Seen again = decode_one(cut, stream, pieces, limits);
    if (!seen.ended) {
      check(!again.ended && seen.error == again.error, "the verdict depends on the cut");
      check(seen.heads == again.heads, "the heads depend on the cut");
      check(seen.body.starts_with(again.body) || again.body.starts_with(seen.body),
            "the body depends on the cut");
      return 0;
    }
    check(seen == again, "what is decoded depends on the cut");
    judge_message(seen, stream, asked);
    if (!seen.reusable) {
      return 0;
    }
    stream.remove_prefix(seen.bytes);
    whole.reset();
    cut.reset();
  }
  return 0;
}
