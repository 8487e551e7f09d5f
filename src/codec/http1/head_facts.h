#pragma once

#include <span>

#include "codec/http1/fields.h"
#include "codec/http1/framing.h"
#include "codec/http1/hop_by_hop.h"

namespace holdfast::http1 {

// What the fields of a head say together about the message and its connection, gathered in one pass
// and not judged yet. Borrows from the fields.
struct HeadFacts {
  const Field* host = nullptr;  // the last Host field
  unsigned hosts = 0;
  FramingFields framing;
  ConnectionOptions connection;
  bool expects = false;           // any expectation
  bool expects_unknown = false;   // one other than 100-continue
  bool connection_bound = false;  // see binds_connection()
  std::string_view keep_alive;    // the last Keep-Alive field
};

[[nodiscard]] HeadFacts gather_facts(std::span<const Field> fields);

}  // namespace holdfast::http1
