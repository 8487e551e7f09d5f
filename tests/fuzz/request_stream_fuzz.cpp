// What a client sends, as the request decoder and the encoder see it.
//
// Input: how the bytes are cut, the bounds and the plan of the encoder, then the stream itself.

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
constexpr std::string_view client_address = "192.0.2.7";

// The bounds and the way to the backend that one run tries.
struct Settings {
  HeadLimits limits;
  std::uint64_t max_body = 0;
  RequestPlan plan;
};

Settings read_settings(std::uint8_t choice) {
  Settings settings;
  if ((choice & 1) != 0) {
    settings.limits = {.head_bytes = 256, .target_bytes = 64, .fields = 5};
    settings.max_body = 40;
  }
  settings.plan.version = (choice & 2) != 0 ? Version::http10 : Version::http11;
  settings.plan.connection = static_cast<ConnectionWord>((choice >> 2) % 3);
  settings.plan.trusted = (choice & 16) != 0;
  settings.plan.client_address = client_address;
  return settings;
}

// All that was said of one message; two ways of cutting must say the same.
struct Seen {
  std::string head;  // as it is, and as it goes to the backend
  std::string encoded;
  std::string body;
  StepKind outcome = StepKind::need_more;
  ErrorCode error{};
  Method method = Method::other;
  std::size_t skipped = 0;  // bytes before the head
  std::size_t bytes = 0;

  friend bool operator==(const Seen&, const Seen&) = default;
};

std::string describe(const RequestHead& head) {
  std::string text;
  for (const std::string_view part : {head.method_text, head.target, head.host}) {
    text += part;
    text += '\n';
  }
  for (const int fact :
       {static_cast<int>(head.version), static_cast<int>(head.body), int{head.keep_alive},
        int{head.expects_continue}, int{head.connection_bound}}) {
    text += std::to_string(fact) + ' ';
  }
  text += std::to_string(head.content_length) + '\n';
  for (const Field& field : head.fields) {
    text += std::to_string(static_cast<int>(field.id)) + ' ';
    text.append(field.name).append(":").append(field.value).append("\n");
  }
  return text;
}

RequestPlan plan_for(const RequestHead& head, const Settings& settings) {
  RequestPlan plan = settings.plan;
  plan.host = head.host;
  plan.body = head.body;
  plan.content_length = head.content_length;
  if (plan.version == Version::http10 && plan.body == BodyKind::chunked) {
    plan.body = BodyKind::none;  // It would be collected first; the head alone is of interest here.
  }
  return plan;
}

std::string encode(const RequestHead& head, const RequestPlan& plan) {
  std::vector<char> room(request_bound(head, plan));
  const std::size_t size = encode_request(head, plan, room);
  check(size <= room.size(), "an encoded head is longer than its bound");
  return {room.data(), size};
}

// True for the fields that end at this connection, whoever wrote them.
bool stops_here(std::string_view name) {
  for (const std::string_view one :
       {"connection", "proxy-connection", "keep-alive", "te", "trailer", "transfer-encoding",
        "upgrade", "content-length", "host", "expect", "http2-settings", "proxy",
        "proxy-authorization"}) {
    if (name == one) {
      return true;
    }
  }
  return false;
}

// True for what a proxy writes or extends.
bool is_forwarding(std::string_view name) {
  return name == "via" || name == "forwarded" || name.starts_with("x-forwarded-") ||
         name == "x-real-ip";
}

// The fields that must arrive as they came: no one's business but the two ends'.
std::vector<std::string> end_to_end(const strict::Head& head) {
  const auto nominated = strict::elements(head.values("connection"));
  std::vector<std::string> kept;
  for (const strict::Field& field : head.fields) {
    const bool named = std::find(nominated.begin(), nominated.end(), field.name) != nominated.end();
    if (!stops_here(field.name) && !is_forwarding(field.name) && !named) {
      kept.push_back(field.name + ": " + field.value);
    }
  }
  return kept;
}

// The head as another reader sees it, before and after.
void judge_head(const RequestHead& head, std::string_view raw, const RequestPlan& plan,
                const std::string& encoded) {
  const auto before = strict::read_request_head(raw);
  check(before.has_value() && before->bytes == raw.size(), "an accepted head is no HTTP");
  const auto after = strict::read_request_head(encoded);
  check(after.has_value() && after->bytes == encoded.size(), "an encoded head is no HTTP");
  check(after->first == before->first && before->first == head.method_text, "another method");
  // A query without a path gets one.
  const std::string path = head.target.starts_with('?') ? "/" : "";
  check(after->second == path + std::string(head.target), "another target");
  check(before->second == head.target || before->second.ends_with(head.target) ||
            head.target == "*" || head.target == "/",
        "a target that nobody wrote");
  check(after->third == (plan.version == Version::http11 ? "HTTP/1.1" : "HTTP/1.0"),
        "another version");
  check(before->values("host").size() <= 1, "two hosts are accepted");
  const auto hosts = after->values("host");
  check(hosts.size() == (plan.host.empty() ? 0U : 1U), "not exactly one Host");
  check(hosts.empty() || hosts[0] == plan.host, "another Host");
  const auto lengths = after->values("content-length");
  check(lengths.size() == (plan.body == BodyKind::length ? 1U : 0U), "another framing");
  check(lengths.empty() || lengths[0] == std::to_string(plan.content_length), "another length");
  const auto codings = after->values("transfer-encoding");
  check(codings.size() == (plan.body == BodyKind::chunked ? 1U : 0U), "another framing");
  for (const std::string_view gone : {"te", "trailer", "upgrade", "keep-alive", "proxy-connection",
                                      "expect", "http2-settings", "proxy", "proxy-authorization"}) {
    check(after->values(gone).empty(), "a field of this connection goes further");
  }
  const auto words = after->values("connection");
  check(words.size() == (plan.connection == ConnectionWord::none ? 0U : 1U), "another Connection");
  check(end_to_end(*before) == end_to_end(*after), "a field is lost, changed or invented");
  if (!plan.trusted) {
    check(after->values("x-real-ip").empty() && after->values("forwarded").empty(),
          "an untrusted client says where it comes from");
    check(after->values("x-forwarded-for") == std::vector<std::string>{std::string(client_address)},
          "an untrusted client says where it comes from");
  }
}

void judge_limits(const RequestHead& head, std::string_view raw, const Settings& settings) {
  check(raw.size() <= settings.limits.head_bytes, "a head over its limit");
  check(head.fields.size() <= settings.limits.fields, "more fields than the limit");
  check(head.target.size() <= settings.limits.target_bytes, "a target over its limit");
  check(settings.max_body == 0 || head.content_length <= settings.max_body,
        "a length over its limit");
}

// Decodes one message from the front of the bytes.
Seen decode_one(RequestDecoder& decoder, std::string_view bytes, Pieces pieces,
                const Settings& settings) {
  Seen seen;
  std::size_t given = std::min(pieces.next(), bytes.size());
  while (true) {
    const Window window(bytes.substr(seen.bytes, given - seen.bytes));
    const Step step = decoder.next(window.view());
    check(step.consumed <= window.view().size(), "more is consumed than was given");
    const std::size_t from = seen.bytes;
    seen.bytes += step.consumed;
    switch (step.kind) {
      case StepKind::head: {
        const RequestHead& head = decoder.head();
        check(seen.head.empty(), "two heads of one request");
        const std::size_t start = bytes.substr(from).find_first_not_of("\r\n");
        seen.skipped = from + start;
        check(seen.skipped <= 4, "more than two empty lines before a request");
        const std::string_view raw = bytes.substr(seen.skipped, seen.bytes - seen.skipped);
        const RequestPlan plan = plan_for(head, settings);
        seen.head = describe(head);
        seen.encoded = encode(head, plan);
        judge_head(head, raw, plan, seen.encoded);
        judge_limits(head, raw, settings);
        break;
      }
      case StepKind::body:
        check(!step.body.empty(), "a body step without a body");
        seen.body += step.body;
        break;
      case StepKind::need_more:
        if (given < bytes.size()) {
          given = std::min(bytes.size(), given + std::min(pieces.next(), bytes.size()));
          break;
        }
        [[fallthrough]];
      case StepKind::end:
      case StepKind::error:
        seen.outcome = step.kind;
        seen.error = step.error;
        seen.method = decoder.method();
        if (step.kind == StepKind::error) {
          seen.bytes = 0;  // How far it got by then depends on the cut, and is of no use.
        }
        return seen;
    }
  }
}

// The whole message as another reader sees it, on both sides of the proxy.
void judge_message(const Seen& seen, std::string_view bytes, const Settings& settings) {
  check(settings.max_body == 0 || seen.body.size() <= settings.max_body, "a body over its limit");
  const auto came = strict::read_request(bytes.substr(seen.skipped));
  check(came.has_value(), "a complete request is no HTTP");
  check(came->bytes == seen.bytes - seen.skipped, "another reader sees another end");
  check(came->body == seen.body, "another reader sees another body");
  std::string sent = seen.encoded;
  if (!came->head.values("transfer-encoding").empty()) {
    if (settings.plan.version == Version::http10) {
      return;  // It would be collected and sent with a length.
    }
    char line[chunk_line_bytes];
    if (!seen.body.empty()) {
      sent.append(line, encode_chunk_line(seen.body.size(), line));
      sent.append(seen.body).append(chunk_end);
    }
    sent += last_chunk;
  } else {
    sent += seen.body;
  }
  const auto arrives = strict::read_request(sent);
  check(arrives.has_value() && arrives->bytes == sent.size(), "a request leaves with another end");
  check(arrives->body == seen.body, "a request leaves with another body");
}

}  // namespace
}  // namespace holdfast::http1

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  using namespace holdfast;
  using namespace holdfast::http1;
  Input input(bytes, size);
  const Pieces pieces(input.byte());
  const Settings settings = read_settings(input.byte());
  std::string_view stream = input.rest();
  FieldTable table;
  RequestDecoder whole(table, settings.limits, settings.max_body);
  RequestDecoder cut(table, settings.limits, settings.max_body);
  for (std::size_t i = 0; i < max_messages && !stream.empty(); ++i) {
    const Seen seen = decode_one(whole, stream, Pieces(Pieces::whole), settings);
    const Seen again = decode_one(cut, stream, pieces, settings);
    check(seen.outcome == again.outcome && seen.error == again.error,
          "the verdict depends on the cut");
    // A refused body may have shown more or less of itself by then, never anything else.
    if (seen.outcome == StepKind::error) {
      check(seen.body.starts_with(again.body) || again.body.starts_with(seen.body),
            "the body depends on the cut");
      check(seen.head == again.head && seen.method == again.method, "the head depends on the cut");
      return 0;
    }
    check(seen == again, "what is decoded depends on the cut");
    if (seen.outcome != StepKind::end) {
      return 0;
    }
    check(whole.complete() && cut.complete(), "a message ended and is not complete");
    judge_message(seen, stream, settings);
    stream.remove_prefix(seen.bytes);
    whole.reset();
    cut.reset();
  }
  return 0;
}
