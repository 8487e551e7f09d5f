// A request that this process answers itself: the status pages, and what no route matches.

#include "base/check.h"
#include "proxy/client_connection.h"
#include "proxy/exchange.h"

namespace holdfast {

using http1::ConnectionWord;

// A body means nothing here and is not read: its client is closed behind the answer.
std::size_t Exchange::answer_here(LocalResponder& responder, const http1::RequestHead& head) {
  request_state_ = RequestState::sent;
  client_keeps_ = client_may_stay() && body_ == BodyKind::none;
  client_.expect_within(Duration::zero());
  local_ = std::make_unique<LocalReply>(*this, responder);
  responder.respond(head, *local_);
  return 0;
}

std::string Exchange::local_head(const LocalAnswer& answer, BodyKind body) {
  status_ = answer.status;
  answer_framing_ = body;
  record_.answer_bytes = body == BodyKind::length && !wants_no_body() ? answer.body.size() : 0;
  client_keeps_ = client_keeps_ && client_may_stay() && body != BodyKind::until_close;
  const auto word = !client_keeps_    ? ConnectionWord::close
                    : !client_http11_ ? ConnectionWord::keep_alive
                                      : ConnectionWord::none;
  return http1::encode_local_head({.status = answer.status,
                                   .type = answer.type,
                                   .fields = answer.fields,
                                   .body = body,
                                   .content_length = answer.body.size(),
                                   .connection = word});
}

bool Exchange::local_pending() const { return client_.stream().pending_bytes() != 0; }

// False: the client is gone, and the exchange and its reply with it.
bool Exchange::write_local(std::string_view bytes) {
  answer_relayed_ = true;
  if (answer_framing_ != BodyKind::length) {
    record_.answer_bytes += bytes.size();
  }
  const std::string_view parts[] = {bytes};
  switch (client_.stream().write(parts)) {
    case WriteOutcome::written:
      return true;
    case WriteOutcome::pending:
      untaken_seen_ = client_.stream().untaken_bytes();
      client_.expect_within(listener_.timeouts.write);
      return true;
    case WriteOutcome::broken:
      fail(make_error(ErrorCode::client_left));
      return false;
  }
  return true;
}

void Exchange::end_local() {
  if (client_keeps_) {
    client_.end_exchange(After::keep);
  } else {
    client_.end_exchange(body_ == BodyKind::none && !client_may_ask_ ? After::close
                                                                     : After::linger);
  }
}

// The request leads nowhere. If all of it is there already its client can ask for something else.
std::size_t Exchange::refuse_unrouted(std::string_view behind, Error error) {
  request_state_ = RequestState::waiting;
  std::size_t consumed = 0;
  Step step{StepKind::body};
  while (body_ != BodyKind::none && step.kind == StepKind::body) {
    step = request_.next(behind.substr(consumed));
    consumed += step.consumed;
    record_.request_bytes += step.body.size();
  }
  fail(error);
  return consumed;
}

}  // namespace holdfast
