// The small readers of the codec, each against a second one that is written from its grammar.
//
// Input: a byte that says which, then its text. Where the grammar of the RFC and ours differ on
// purpose the reference has two sides: what must be taken and what may be taken.

#include <arpa/inet.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "codec/http1/chunk_grammar.h"
#include "codec/http1/fields.h"
#include "codec/http1/framing.h"
#include "codec/http1/hop_by_hop.h"
#include "codec/http1/raw_scan.h"
#include "codec/http1/start_line.h"
#include "codec/http1/target.h"
#include "fuzz/input.h"
#include "fuzz/strict_http.h"

namespace holdfast::http1 {
namespace {

using fuzz::Input;
using fuzz::Window;
namespace strict = fuzz::strict;

constexpr std::size_t target_limit = 64;

bool contains(const std::vector<std::string>& list, std::string_view word) {
  return std::find(list.begin(), list.end(), word) != list.end();
}

std::vector<std::string> list_of(std::string_view value) {
  return strict::elements({std::string(value)});
}

// --- Names, values, lists ---

void judge_name(std::string_view text) {
  const bool plain = text.find('_') == std::string_view::npos;
  check(valid_field_name(HeadKind::response, text) == strict::is_token(text), "a field name");
  check(valid_field_name(HeadKind::request, text) == (strict::is_token(text) && plain),
        "a field name of a request");
}

void judge_value(std::string_view text) {
  check(valid_field_value(text) == strict::is_text(text), "a field value");
}

void judge_equality(std::string_view text) {
  const std::string_view a = text.substr(0, text.size() / 2);
  const std::string_view b = text.substr(text.size() / 2);
  check(equal_ignoring_case(a, b) == (strict::lowered(a) == strict::lowered(b)), "equality");
  std::string changed(a);
  for (char& c : changed) {
    c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  }
  const Window copy(changed);
  check(equal_ignoring_case(a, copy.view()), "equality whatever the case");
}

void judge_list(std::string_view text) {
  std::vector<std::string> seen;
  ListElements elements(text);
  std::string_view element;
  while (elements.next(element)) {
    seen.push_back(strict::lowered(element));
  }
  check(seen == list_of(text), "the elements of a list");
}

// --- Connection ---

constexpr std::string_view guarded[] = {"authorization",
                                        "content-length",
                                        "cookie",
                                        "forwarded",
                                        "host",
                                        "transfer-encoding",
                                        "via",
                                        "x-forwarded-for",
                                        "x-forwarded-host",
                                        "x-forwarded-proto",
                                        "x-real-ip"};

// The value is cut in two at a NUL: two fields of one head.
void judge_connection(std::string_view text) {
  const std::size_t cut = std::min(text.find('\0'), text.size());
  ConnectionOptions seen;
  seen.add_connection(text.substr(0, cut));
  std::vector<std::string> options = list_of(text.substr(0, cut));
  if (cut < text.size()) {
    seen.add_connection(text.substr(cut + 1));
    const auto more = list_of(text.substr(cut + 1));
    options.insert(options.end(), more.begin(), more.end());
  }
  const bool too_many = options.size() > max_connection_options;
  check(seen.too_many() == too_many, "too many options");
  if (too_many) {
    check(seen.malformed, "too many options are well-formed");
    return;
  }
  bool odd = false;
  bool reaches_too_far = false;
  bool names = false;
  for (const std::string& option : options) {
    odd |= !strict::is_token(option);
    names |= strict::is_token(option) && option != "close" && option != "keep-alive";
    for (const std::string_view one : guarded) {
      reaches_too_far |= option == one;
    }
  }
  check(seen.malformed == odd, "a malformed Connection");
  check(seen.close == contains(options, "close"), "close");
  check(seen.keep_alive == contains(options, "keep-alive"), "keep-alive");
  check(seen.nominates == names, "nominates");
  check(seen.nominates_guarded >= reaches_too_far, "nominates a guarded field");
  check(seen.nominates_framing ==
            (contains(options, "content-length") || contains(options, "transfer-encoding")),
        "nominates framing");
  const bool closes = contains(options, "close") || odd;
  check(persists(Version::http11, seen) == !closes, "persists, HTTP/1.1");
  check(persists(Version::http10, seen) == (!closes && contains(options, "keep-alive")),
        "persists, HTTP/1.0");
}

// Connection: the first line. The others are names of fields.
void judge_nominations(std::string_view text) {
  std::vector<Field> fields;
  fields.push_back({"Connection", text.substr(0, text.find('\n')), FieldId::connection});
  std::vector<std::string> names;
  std::size_t at = fields[0].value.size();
  while (at < text.size() && fields.size() < 20) {
    const std::size_t end = std::min(text.find('\n', at + 1), text.size());
    const std::string_view name = text.substr(at + 1, end - at - 1);
    at = end;
    if (valid_field_name(HeadKind::response, name) && field_id(name) != FieldId::connection) {
      fields.push_back({name, "x", field_id(name)});
    }
  }
  mark_nominated(fields);
  const auto options = list_of(fields[0].value);
  for (const Field& field : fields) {
    if (contains(options, strict::lowered(field.name)) && field.id != FieldId::connection) {
      check(stops_in_response(field.id) && stops_in_request(field.id), "a nominated field goes on");
    } else {
      check(field.id != FieldId::nominated, "a field that nobody named stops");
    }
  }
}

void judge_binding(std::string_view text) {
  bool expected = false;
  for (const std::string& element : list_of(text)) {
    const std::string scheme = element.substr(0, element.find_first_of(" \t"));
    expected |= scheme == "ntlm" || scheme == "negotiate";
  }
  check(binds_connection(text) >= expected, "credentials that bind the connection");
}

// --- Framing ---

std::optional<std::uint64_t> length_of(std::string_view text) {
  if (!strict::is_number(text) || text.size() > 19) {
    return std::nullopt;
  }
  const std::uint64_t length = std::stoull(std::string(text));
  return length >> 63 == 0 ? std::optional(length) : std::nullopt;
}

void judge_length(std::string_view text) {
  const auto seen = read_content_length(text);
  const auto expected = length_of(text);
  check(seen.has_value() == expected.has_value(), "a length");
  check(!expected || *seen == *expected, "another length");
}

// How many fields of each kind, then the text of both.
void judge_framing(std::string_view text) {
  Input input(reinterpret_cast<const std::uint8_t*>(text.data()), text.size());
  const std::uint8_t shape = input.byte();
  const auto version = (shape & 1) != 0 ? Version::http11 : Version::http10;
  const auto status = static_cast<int>(100 + 2 * input.byte());
  const bool head = (shape & 2) != 0;
  const std::string_view value = input.rest();
  const FramingFields fields{
      .lengths = (shape >> 2) % 3U, .codings = (shape >> 4) % 3U, .length = value, .coding = value};
  const bool chunked = fields.codings == 1 && fields.lengths == 0 && version == Version::http11 &&
                       strict::lowered(value) == "chunked";
  const bool counted = fields.codings == 0 && fields.lengths == 1 && length_of(value).has_value();
  const bool plain = fields.codings == 0 && fields.lengths == 0;
  const auto request = frame_request(fields, version);
  check(request.has_value() == (chunked || counted || plain), "the framing of a request");
  if (request) {
    check(request->body == (chunked   ? BodyKind::chunked
                            : counted ? BodyKind::length
                                      : BodyKind::none),
          "another framing of a request");
    check(request->content_length == (counted ? *length_of(value) : 0), "another length");
  }
  const AnswerContext context{version, status, head ? Method::head : Method::get};
  const auto answer = frame_response(fields, context);
  const bool interim_with_body = status < 200 && (!plain || version == Version::http10);
  check(answer.has_value() == ((chunked || counted || plain) && !interim_with_body),
        "the framing of an answer");
  if (!answer) {
    return;
  }
  const bool bodyless = head || status < 200 || status == 204 || status == 304 || status == 205;
  check(answer->body == (bodyless  ? BodyKind::none
                         : chunked ? BodyKind::chunked
                         : counted ? BodyKind::length
                                   : BodyKind::until_close),
        "another framing of an answer");
}

// --- Start lines, hosts, targets ---

void judge_request_line(std::string_view text) {
  const auto seen = read_request_line(text, target_limit);
  for (std::size_t i = 0; i <= text.size() && seen; ++i) {
    check(judge_request_prefix(text.substr(0, i), target_limit).has_value(),
          "the beginning of a good line is refused");
  }
  if (!seen) {
    return;
  }
  const auto expected = strict::read_request_head(std::string(text) + "\r\n\r\n");
  // The target is judged elsewhere.
  check(expected.has_value() || !strict::is_text(text) ||
            !read_target(seen->method, seen->target).has_value(),
        "a request line");
  check(text == std::string(seen->method_text) + " " + std::string(seen->target) +
                    (seen->version == Version::http11 ? " HTTP/1.1" : " HTTP/1.0"),
        "the parts of a request line");
  check(seen->target.size() <= target_limit, "a target over its limit");
}

void judge_status_line(std::string_view text) {
  const auto seen = read_status_line(text);
  const auto expected = strict::read_response_head(std::string(text) + "\r\n\r\n");
  if (!strict::is_text(text)) {
    return;  // HeadScan lets no such line pass.
  }
  check(seen.has_value() == expected.has_value(), "a status line");
  for (std::size_t i = 0; i <= text.size() && seen; ++i) {
    check(may_begin_status_line(text.substr(0, i)), "the beginning of a good line is refused");
  }
  if (seen && expected) {
    check(std::to_string(seen->status) == expected->second && seen->reason == expected->third,
          "the parts of a status line");
  }
}

bool is_port(std::string_view text) {
  return text.empty() ||
         (strict::is_number(text) && text.find_first_not_of('0') != text.npos
              ? text.substr(text.find_first_not_of('0')).size() <= 5 &&
                    std::stoul(std::string(text.substr(text.find_first_not_of('0')))) <= 65535
              : strict::is_number(text));
}

// What every reader of a host takes: labels of letters and digits, or an IPv6 address.
bool must_be_host(std::string_view text) {
  if (text.starts_with('[')) {
    const std::size_t close = text.find(']');
    in6_addr address;
    const std::string inside(text.substr(1, close == text.npos ? 0 : close - 1));
    return close != text.npos && ::inet_pton(AF_INET6, inside.c_str(), &address) == 1 &&
           inside.find('\0') == text.npos &&
           (close + 1 == text.size() ||
            (text[close + 1] == ':' && is_port(text.substr(close + 2))));
  }
  const std::size_t colon = std::min(text.find(':'), text.size());
  const std::string_view name = text.substr(0, colon);
  return !name.empty() &&
         name.find_first_not_of(
             "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.") == text.npos &&
         (colon == text.size() || is_port(text.substr(colon + 1)));
}

// uri-host [ ":" port ] (RFC 3986 section 3.2), but no list of hosts.
bool may_be_host(std::string_view text) {
  const bool literal = text.starts_with('[');
  const std::size_t end = literal ? text.find(']') : std::min(text.find(':'), text.size());
  if (end == text.npos || end == 0) {
    return false;
  }
  const std::string_view inside = literal ? text.substr(1, end - 1) : text.substr(0, end);
  for (std::size_t i = 0; i < inside.size(); ++i) {
    const char c = inside[i];
    const bool hex =
        strict::is_tchar(c) &&
        std::string_view("ghijklmnopqrstuvwxyz").find(strict::lowered({&c, 1})) == text.npos;
    const bool pct = c == '%' && i + 2 < inside.size() && ::isxdigit(inside[i + 1]) != 0 &&
                     ::isxdigit(inside[i + 2]) != 0;
    const bool named = ::isalnum(c) != 0 || std::string_view("-._~!$&'()*+;=").find(c) != text.npos;
    if (literal ? !(hex || c == ':') : !(named || pct)) {
      return false;
    }
  }
  const std::string_view rest = text.substr(literal ? end + 1 : end);
  return rest.empty() || (rest.front() == ':' && is_port(rest.substr(1)));
}

void judge_host(std::string_view text) {
  const bool seen = valid_host(text);
  check(seen || !must_be_host(text), "a plain host is refused");
  check(!seen || may_be_host(text), "a host that is none");
}

void judge_target(std::string_view text) {
  const std::uint8_t choice = text.empty() ? 0 : static_cast<std::uint8_t>(text.front());
  text.remove_prefix(text.empty() ? 0 : 1);
  const Method method = (choice & 1) != 0 ? Method::options : Method::get;
  const auto seen = read_target(method, text);
  const bool visible = std::all_of(text.begin(), text.end(),
                                   [](char c) { return strict::is_vchar(c) && (c & 0x80) == 0; });
  if (!seen) {
    const bool origin = text.starts_with('/') && visible && text.find('#') == text.npos;
    check(!origin || text.find_first_of("\"<>\\^`{|}") != text.npos, "an origin-form is refused");
    check(text != "*" || method != Method::options, "the asterisk-form is refused");
    return;
  }
  check(visible && text.find('#') == text.npos, "a target that is no URI");
  check(seen->path.starts_with('/') || seen->path.starts_with('?') || seen->path == "*",
        "a path that is none");
  if (text.starts_with('/') || text == "*") {
    check(seen->path == text && seen->authority.empty(), "an origin-form is changed");
    check(text != "*" || method == Method::options, "the asterisk-form of another method");
    return;
  }
  const std::string lowered = strict::lowered(text);
  const std::size_t scheme = lowered.starts_with("http://") ? 7 : 8;
  check(scheme == 7 || lowered.starts_with("https://"), "another scheme");
  check(may_be_host(seen->authority), "an authority that is no host");
  check(text.substr(scheme).starts_with(seen->authority), "another authority");
  const std::string_view rest = text.substr(scheme + seen->authority.size());
  check(rest.empty() ? seen->path == "/" || seen->path == "*" : rest == seen->path, "another path");
}

// --- The raw scan, and chunks ---

void judge_scan(std::string_view text) {
  HeadScan scan;
  const HeadScan::Found found = scan.next(text);
  HeadScan pieces;
  HeadScan::Found last = HeadScan::Found::need_more;
  for (std::size_t i = 0; i <= text.size() && last == HeadScan::Found::need_more; ++i) {
    const Window window(text.substr(0, i));
    last = pieces.next(window.view());
  }
  check(last == found && scan.position() == pieces.position() &&
            scan.start_line_bytes() == pieces.start_line_bytes(),
        "the scan depends on the cut");
  // Lines of text, none of them begun with a blank, up to the first empty one.
  std::size_t at = 0;
  std::size_t lines = 0;
  while (true) {
    const auto line = strict::read_line(text, at);
    const bool sound = line && strict::is_text(*line) && !line->starts_with(' ') &&
                       !line->starts_with('\t') && (!line->empty() || lines > 0);
    if (!sound) {
      check(found != HeadScan::Found::end, "a head that is none");
      return;
    }
    if (line->empty()) {
      check(found == HeadScan::Found::end && scan.position() == at, "a head is not seen");
      return;
    }
    ++lines;
  }
}

}  // namespace
}  // namespace holdfast::http1

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  using namespace holdfast::http1;
  constexpr void (*judges[])(std::string_view) = {
      judge_name,    judge_value,   judge_equality,     judge_list,        judge_connection,
      judge_length,  judge_framing, judge_request_line, judge_status_line, judge_nominations,
      judge_binding, judge_host,    judge_target,       judge_scan};
  Input input(bytes, size);
  const auto judge = judges[input.below(std::size(judges))];
  const Window text(input.rest());
  judge(text.view());
  return 0;
}
