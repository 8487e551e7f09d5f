#include "proxy/replay.h"

namespace holdfast {

//                                       | bodiless GET, HEAD, OPTIONS | any other
// connection not made                   | on another server           | on another server
// broken before any byte was taken      | once                        | once
// reused, broken before the answer      | once                        | never
// fresh, broken before the answer       | never                       | never
// any byte of an answer, any timeout    | never                       | never
bool may_replay(ErrorCode code, const ReplayFacts& facts) {
  if (facts.answer_begun) {
    return false;
  }
  switch (error_row(code).replay) {
    case Replay::never:
      return false;
    case Replay::always:
      return facts.untried_server;
    case Replay::if_idempotent:
      if (facts.replayed) {
        return false;
      }
      return !facts.anything_sent || (facts.reused && facts.idempotent);
  }
  return false;
}

}  // namespace holdfast
