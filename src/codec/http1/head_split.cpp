#include "codec/http1/head_split.h"

#include <llhttp.h>

#include "codec/http1/characters.h"
#include "codec/http1/refusal.h"

static_assert(LLHTTP_STRICT_MODE == 1,
              "llhttp must be built strict: its lenient mode takes bare LF");

namespace holdfast::http1 {
namespace {

constexpr std::size_t line_end_bytes = 2;  // CRLF

// What the callbacks of one pass gather. llhttp gives each name and value of a contiguous head as
// one span; anything else is `torn`.
struct HeadPass {
  std::span<Field> table;
  std::size_t count = 0;
  bool value_due = false;
  bool full = false;
  bool torn = false;
};

HeadPass& pass_of(llhttp_t* parser) { return *static_cast<HeadPass*>(parser->data); }

int on_name(llhttp_t* parser, const char* at, std::size_t size) {
  HeadPass& pass = pass_of(parser);
  if (pass.value_due) {
    pass.torn = true;
    return HPE_USER;
  }
  if (pass.count == pass.table.size()) {
    pass.full = true;
    return HPE_USER;
  }
  pass.table[pass.count].name = {at, size};
  pass.value_due = true;
  return HPE_OK;
}

int on_value(llhttp_t* parser, const char* at, std::size_t size) {
  HeadPass& pass = pass_of(parser);
  if (!pass.value_due) {
    pass.torn = true;
    return HPE_USER;
  }
  pass.table[pass.count].value = {at, size};
  pass.value_due = false;
  ++pass.count;
  return HPE_OK;
}

// llhttp goes no further than the head: how the body is framed is not its decision.
int on_end_of_head(llhttp_t*) { return HPE_PAUSED; }

constexpr llhttp_settings_t head_settings = [] {
  llhttp_settings_t made{};
  made.on_header_field = on_name;
  made.on_header_value = on_value;
  made.on_headers_complete = on_end_of_head;
  return made;
}();

bool is_framing(FieldId id) {
  return id == FieldId::content_length || id == FieldId::transfer_encoding;
}

// A tab beside the value of a framing field is taken by some readers and refused by others.
bool has_odd_blanks(FieldId id, std::string_view raw_value) {
  return is_framing(id) && raw_value.find('\t') != std::string_view::npos;
}

// Nearly all lines are so: one space, the value, CRLF. `begin` is behind the colon.
bool is_ordinary(const Field& field, const char* begin) {
  const std::string_view value = field.value;
  return *begin == ' ' && value.data() == begin + 1 && !value.empty() && !is_blank(value.front()) &&
         !is_blank(value.back()) && value.data()[value.size()] == '\r' && !is_framing(field.id);
}

// Holds one field against its raw line, trims and names it. Gives the place behind its CRLF, or
// null.
const char* finish_field(HeadKind kind, Field& field, const char* line) {
  const char* begin = line + field.name.size() + 1;
  if (field.name.data() != line || begin[-1] != ':') {
    return nullptr;
  }
  field.id = field_id(field.name);
  if (field.id == FieldId::other && !valid_field_name(kind, field.name)) {
    return nullptr;
  }
  field.plain = is_ordinary(field, begin);
  if (field.plain) {
    return field.value.data() + field.value.size() + line_end_bytes;
  }
  if (field.value.empty()) {
    // llhttp gives an empty value behind the CRLF.
    field.value = {begin, begin};
  }
  const char* at = begin;
  while (at < field.value.data() && is_blank(*at)) {
    ++at;
  }
  if (at != field.value.data()) {
    return nullptr;
  }
  const char* end = at + field.value.size();
  while (is_blank(*end)) {
    ++end;
  }
  const std::string_view raw_value(begin, static_cast<std::size_t>(end - begin));
  if (*end != '\r' || has_odd_blanks(field.id, raw_value)) {
    return nullptr;
  }
  field.value = trim_blanks(field.value);
  field.plain = *begin == ' ' && field.value.data() == begin + 1 &&
                field.value.data() + field.value.size() == end;
  return end + line_end_bytes;
}

}  // namespace

Result<std::span<Field>> split_fields(HeadKind kind, std::string_view head,
                                      std::size_t start_line_bytes, std::span<Field> table) {
  const ErrorCode malformed =
      kind == HeadKind::request ? ErrorCode::malformed_request : ErrorCode::malformed_response;
  HeadPass pass;
  pass.table = table;
  llhttp_t parser;
  llhttp_init(&parser, kind == HeadKind::request ? HTTP_REQUEST : HTTP_RESPONSE, &head_settings);
  parser.data = &pass;
  const llhttp_errno_t stop = llhttp_execute(&parser, head.data(), head.size());
  if (pass.full) {
    return refuse(kind == HeadKind::request ? ErrorCode::head_too_large
                                            : ErrorCode::response_head_too_large);
  }
  if (stop != HPE_PAUSED || pass.torn || pass.value_due) {
    return refuse(malformed);
  }
  // The last CRLF of the head bounds all reads behind a value: each stops at a CR at the latest.
  const char* line = head.data() + start_line_bytes + line_end_bytes;
  const std::span<Field> fields = table.first(pass.count);
  for (Field& field : fields) {
    line = finish_field(kind, field, line);
    if (line == nullptr) {
      return refuse(malformed);
    }
  }
  if (line + line_end_bytes != head.data() + head.size()) {
    return refuse(malformed);
  }
  return fields;
}

}  // namespace holdfast::http1
