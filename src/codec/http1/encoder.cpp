#include "codec/http1/encoder.h"

#include <algorithm>
#include <charconv>
#include <cstring>

#include "base/check.h"
#include "codec/http1/hop_by_hop.h"

namespace holdfast::http1 {
namespace {

constexpr std::string_view crlf = "\r\n";
constexpr std::size_t field_overhead = 4;  // ": " and CRLF

// What a head costs beyond its start line and its fields: names and values of all that we write
// ourselves, each at its longest, and the empty line.
constexpr std::size_t own_request_bytes = 256;
constexpr std::size_t own_response_bytes = 160 + max_request_id_bytes;
constexpr std::string_view request_id_begin = "X-Request-ID: ";

// Writes text into room that the caller has proven to be large enough.
class Writer {
 public:
  explicit Writer(std::span<char> room)
      : begin_(room.data()), at_(begin_), end_(begin_ + room.size()) {}

  // Always inlined: most texts are of known length, and copying those takes a few instructions. The
  // checks that the hardened build adds make it look too big for that.
  __attribute__((always_inline)) void add(std::string_view text) {
    debug_check(text.size() <= room(), "an encoded head is longer than its bound");
    if (!text.empty()) {
      std::memcpy(at_, text.data(), text.size());
      at_ += text.size();
    }
  }

  // `begin` is the name with its colon and space.
  __attribute__((always_inline)) void add_field(std::string_view begin, std::string_view value) {
    add(begin);
    add(value);
    add(crlf);
  }

  void add_number(std::uint64_t number, int base = 10) {
    const std::to_chars_result written = std::to_chars(at_, end_, number, base);
    debug_check(written.ec == std::errc(), "an encoded head is longer than its bound");
    at_ = written.ptr;
  }

  void add_content_length(std::uint64_t length) {
    add("Content-Length: ");
    add_number(length);
    add(crlf);
  }

  [[nodiscard]] std::size_t size() const { return static_cast<std::size_t>(at_ - begin_); }
  [[nodiscard]] std::size_t room() const { return static_cast<std::size_t>(end_ - at_); }

 private:
  char* begin_;
  char* at_;
  char* end_;
};

// Copies fields out of one head, those that stand side by side and as we write them at one go: a
// few instructions for each instead of four copies. flush() writes what was added last.
class FieldCopier {
 public:
  explicit FieldCopier(Writer& writer) : writer_(writer) {}

  void add(const Field& field) {
    if (!field.plain) {
      flush();
      writer_.add(field.name);
      writer_.add_field(": ", field.value);
      return;
    }
    const std::size_t size = field.name.size() + field.value.size() + field_overhead;
    if (field.name.data() == run_.data() + run_.size()) {
      run_ = {run_.data(), run_.size() + size};
    } else {
      flush();
      run_ = {field.name.data(), size};
    }
  }

  void flush() {
    writer_.add(run_);
    run_ = {};
  }

 private:
  Writer& writer_;
  std::string_view run_;
};

std::size_t fields_bound(std::span<const Field> fields) {
  std::size_t bound = 0;
  for (const Field& field : fields) {
    bound += field.name.size() + field.value.size() + field_overhead;
  }
  return bound;
}

void add_connection(Writer& writer, ConnectionWord word) {
  switch (word) {
    case ConnectionWord::none:
      return;
    case ConnectionWord::keep_alive:
      return writer.add("Connection: keep-alive\r\n");
    case ConnectionWord::close:
      return writer.add("Connection: close\r\n");
  }
}

void add_framing(Writer& writer, BodyKind body, std::uint64_t length) {
  switch (body) {
    case BodyKind::none:
    case BodyKind::until_close:
      return;
    case BodyKind::length:
      return writer.add_content_length(length);
    case BodyKind::chunked:
      return writer.add("Transfer-Encoding: chunked\r\n");
  }
}

// Which of the forwarding fields a trusted client gave; the others are written anew.
struct Forwarding {
  bool proto = false;
  bool host = false;
};

// The field says who sent the request, so only a trusted client may say it.
bool tells_origin(FieldId id) {
  return id == FieldId::forwarded || id == FieldId::x_forwarded_for ||
         id == FieldId::x_forwarded_host || id == FieldId::x_forwarded_proto ||
         id == FieldId::x_real_ip;
}

// Whether a field of the client's is copied; else it goes no further or is written later as a list.
bool goes_on(FieldId id, bool trusted) {
  return id != FieldId::via && id != FieldId::x_forwarded_for && !stops_in_request(id) &&
         (trusted || !tells_origin(id));
}

// A list field that each proxy extends, and our element of it; empty if we have none.
struct ExtendedList {
  FieldId id;
  std::string_view begin;  // its name with colon and space
  std::string_view own;
};

// Writes one list field: the elements in the fields that are kept, then ours.
void add_list(Writer& writer, const ExtendedList& list, std::span<const Field> kept) {
  std::string_view before = list.begin;
  const auto add_element = [&](std::string_view element) {
    if (!element.empty()) {
      writer.add(before);
      writer.add(element);
      before = ", ";
    }
  };
  for (const Field& field : kept) {
    if (field.id == list.id) {
      add_element(field.value);
    }
  }
  add_element(list.own);
  if (before.data() != list.begin.data()) {
    writer.add(crlf);
  }
}

void add_forwarding(Writer& writer, const RequestHead& head, const RequestPlan& plan,
                    const Forwarding& given) {
  const bool received_http11 = head.version == Version::http11;
  add_list(writer, {FieldId::via, "Via: ", received_http11 ? "1.1 holdfast" : "1.0 holdfast"},
           head.fields);
  add_list(writer, {FieldId::x_forwarded_for, "X-Forwarded-For: ", plan.client_address},
           plan.trusted ? head.fields : std::span<const Field>());
  if (!given.proto) {
    writer.add_field("X-Forwarded-Proto: ", plan.client_scheme);
  }
  if (!given.host && !head.host.empty()) {
    writer.add_field("X-Forwarded-Host: ", head.host);
  }
}

// The reason of the backend, with anything that is no plain ASCII text made harmless.
void add_status_line(Writer& writer, int status, std::string_view reason) {
  const auto digit = [status](int unit) { return static_cast<char>('0' + status / unit % 10); };
  const char begin[] = {'H', 'T', 'T',        'P',       '/',      '1', '.',
                        '1', ' ', digit(100), digit(10), digit(1), ' '};
  writer.add({begin, sizeof(begin)});
  for (const char c : reason) {
    const char printable = c >= 0x20 && c < 0x7f ? c : '?';
    writer.add({&printable, 1});
  }
  writer.add(crlf);
}

void copy_response_fields(Writer& writer, std::span<const Field> fields,
                          std::string_view request_id = {}) {
  const bool named = !request_id.empty();
  FieldCopier copier(writer);
  for (const Field& field : fields) {
    if (!stops_in_response(field.id) && !(named && is_request_id(field))) {
      copier.add(field);
    }
  }
  copier.flush();
  if (named) {
    writer.add_field(request_id_begin, request_id);
  }
}

struct KnownReason {
  int status;
  std::string_view reason;
};

// The phrases of RFC 9110 section 15 and RFC 6585 for the answers that holdfast gives itself.
constexpr std::array known_reasons = {
    KnownReason{200, "OK"},
    KnownReason{400, "Bad Request"},
    KnownReason{403, "Forbidden"},
    KnownReason{404, "Not Found"},
    KnownReason{405, "Method Not Allowed"},
    KnownReason{408, "Request Timeout"},
    KnownReason{411, "Length Required"},
    KnownReason{413, "Content Too Large"},
    KnownReason{414, "URI Too Long"},
    KnownReason{417, "Expectation Failed"},
    KnownReason{421, "Misdirected Request"},
    KnownReason{429, "Too Many Requests"},
    KnownReason{431, "Request Header Fields Too Large"},
    KnownReason{500, "Internal Server Error"},
    KnownReason{501, "Not Implemented"},
    KnownReason{502, "Bad Gateway"},
    KnownReason{503, "Service Unavailable"},
    KnownReason{504, "Gateway Timeout"},
    KnownReason{505, "HTTP Version Not Supported"},
};

}  // namespace

std::string_view reason_of(int status) {
  for (const KnownReason& known : known_reasons) {
    if (known.status == status) {
      return known.reason;
    }
  }
  return {};
}

std::size_t request_bound(const RequestHead& head, const RequestPlan& plan) {
  return head.method_text.size() + head.target.size() + plan.host.size() + head.host.size() +
         plan.client_address.size() + plan.client_scheme.size() + plan.request_id.size() +
         fields_bound(head.fields) + own_request_bytes;
}

std::size_t response_bound(const ResponseHead& head) {
  return head.reason.size() + fields_bound(head.fields) + own_response_bytes;
}

std::size_t encode_request(const RequestHead& head, const RequestPlan& plan, std::span<char> out) {
  check(out.size() >= request_bound(head, plan), "no room for an encoded request");
  Writer writer(out);
  writer.add(head.method_text);
  writer.add(head.target.starts_with('?') ? " /" : " ");
  writer.add(head.target);
  writer.add(plan.version == Version::http11 ? " HTTP/1.1\r\n" : " HTTP/1.0\r\n");
  if (!plan.host.empty()) {
    writer.add_field("Host: ", plan.host);
  }
  Forwarding given;
  const bool named = !plan.request_id.empty();
  FieldCopier copier(writer);
  for (const Field& field : head.fields) {
    if (goes_on(field.id, plan.trusted) && !(named && is_request_id(field))) {
      given.proto |= field.id == FieldId::x_forwarded_proto;
      given.host |= field.id == FieldId::x_forwarded_host;
      copier.add(field);
    }
  }
  copier.flush();
  if (named) {
    writer.add_field(request_id_begin, plan.request_id);
  }
  add_forwarding(writer, head, plan, given);
  add_framing(writer, plan.body, plan.content_length);
  add_connection(writer, plan.connection);
  writer.add(crlf);
  return writer.size();
}

std::size_t encode_response(const ResponseHead& head, const ResponsePlan& plan,
                            std::span<char> out) {
  check(out.size() >= response_bound(head), "no room for an encoded answer");
  debug_check(plan.request_id.size() <= max_request_id_bytes, "a request id has a bound");
  Writer writer(out);
  add_status_line(writer, head.status, head.reason);
  copy_response_fields(writer, head.fields, plan.request_id);
  if (plan.body == BodyKind::none && head.announces_length) {
    writer.add_content_length(head.content_length);
  }
  add_framing(writer, plan.body, plan.content_length);
  add_connection(writer, plan.connection);
  writer.add(crlf);
  return writer.size();
}

std::size_t encode_interim(const ResponseHead& head, std::span<char> out) {
  check(out.size() >= response_bound(head), "no room for an encoded interim answer");
  Writer writer(out);
  add_status_line(writer, head.status, head.reason);
  copy_response_fields(writer, head.fields);
  writer.add(crlf);
  return writer.size();
}

std::string encode_local_head(const LocalHead& head) {
  constexpr std::size_t own_bytes = 512;
  std::string out(own_bytes + head.type.size() + head.fields.size(), '\0');
  Writer writer(out);
  add_status_line(writer, head.status, reason_of(head.status));
  writer.add_field("Content-Type: ", head.type);
  writer.add(head.fields);
  add_framing(writer, head.body, head.content_length);
  add_connection(writer, head.connection);
  writer.add(crlf);
  out.resize(writer.size());
  return out;
}

std::size_t encode_chunk_line(std::uint64_t payload_bytes, std::span<char> out) {
  check(out.size() >= chunk_line_bytes, "no room for a chunk line");
  check(payload_bytes > 0, "a chunk of no bytes would end the body");
  Writer writer(out);
  writer.add_number(payload_bytes, 16);
  writer.add(crlf);
  return writer.size();
}

}  // namespace holdfast::http1
