#include "codec/http1/head_facts.h"

namespace holdfast::http1 {
namespace {

// A list (RFC 9110 section 10.1.1).
void take_expectations(std::string_view value, HeadFacts& facts) {
  ListElements elements(value);
  std::string_view expectation;
  while (elements.next(expectation)) {
    facts.expects = true;
    facts.expects_unknown |= !equal_ignoring_case(expectation, "100-continue");
  }
}

void take_field(const Field& field, HeadFacts& facts) {
  switch (field.id) {
    case FieldId::authentication_info:
    case FieldId::authorization:
    case FieldId::proxy_authenticate:
    case FieldId::proxy_authentication_info:
    case FieldId::proxy_authorization:
    case FieldId::www_authenticate:
      facts.connection_bound |= binds_connection(field.value);
      return;
    case FieldId::connection:
      facts.connection.add_connection(field.value);
      return;
    case FieldId::content_length:
      facts.framing.length = field.value;
      ++facts.framing.lengths;
      return;
    case FieldId::expect:
      take_expectations(field.value, facts);
      return;
    case FieldId::host:
      facts.host = &field;
      ++facts.hosts;
      return;
    case FieldId::keep_alive:
      facts.keep_alive = field.value;
      return;
    case FieldId::proxy_connection:
      facts.connection.add_proxy_connection(field.value);
      return;
    case FieldId::transfer_encoding:
      facts.framing.coding = field.value;
      ++facts.framing.codings;
      return;
    case FieldId::other:
    case FieldId::cookie:
    case FieldId::forwarded:
    case FieldId::http2_settings:
    case FieldId::nominated:
    case FieldId::proxy:
    case FieldId::te:
    case FieldId::trailer:
    case FieldId::upgrade:
    case FieldId::via:
    case FieldId::x_forwarded_for:
    case FieldId::x_forwarded_host:
    case FieldId::x_forwarded_proto:
    case FieldId::x_real_ip:
      return;
  }
}

}  // namespace

HeadFacts gather_facts(std::span<const Field> fields) {
  HeadFacts facts;
  for (const Field& field : fields) {
    take_field(field, facts);
  }
  return facts;
}

}  // namespace holdfast::http1
