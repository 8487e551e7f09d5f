#pragma once

#include "base/error.h"

namespace holdfast {

// What is known of an exchange when its connection has failed.
struct ReplayFacts {
  bool idempotent = false;      // GET, HEAD or OPTIONS without a body: may be executed twice
  bool reused = false;          // its connection had served another request before
  bool answer_begun = false;    // a byte of the answer has arrived
  bool anything_sent = false;   // the kernel took a byte of the request
  bool replayed = false;        // it has been replayed before
  bool untried_server = false;  // the upstream has a server that was not tried yet
};

// Whether a failed request is sent once more. The only place that decides it. Follows RFC 9110
// section 9.2.2: a proxy must not repeat what may have been executed, unless that does no harm.
[[nodiscard]] bool may_replay(ErrorCode code, const ReplayFacts& facts);

}  // namespace holdfast
