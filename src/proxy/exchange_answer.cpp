// The way of an answer: from the backend's bytes to the client's stream.

#include "codec/http1/hop_by_hop.h"
#include "proxy/client_connection.h"
#include "proxy/exchange.h"

namespace holdfast {
namespace {

using http1::ConnectionWord;

constexpr std::uint8_t max_interim_answers = 8;

bool is_interim(int status) { return status < 200; }

AnnouncedLimits announced_by(std::string_view hint) {
  const http1::KeepAliveHint read = http1::read_keep_alive(hint);
  AnnouncedLimits limits{.more_requests = read.max};
  if (read.timeout) {
    limits.idle_timeout = std::chrono::seconds(*read.timeout);
  }
  return limits;
}

}  // namespace

Exchange::Taken Exchange::on_answer_bytes(http1::ResponseDecoder& decoder, std::string_view bytes) {
  if (!answer_begun_) {
    if (unasked()) {
      on_spoke_unasked();
      return {.settled = true};
    }
    answer_begun_ = true;
    record_.first_byte = context_.fine_now();
    endpoint_->tally().first_byte.add(whole_microseconds(record_.first_byte - record_.leased));
    forget_body();
  }
  Outgoing out;
  std::size_t consumed = 0;
  while (true) {
    const Step step = decoder.next(bytes.substr(consumed));
    consumed += step.consumed;
    switch (step.kind) {
      case StepKind::need_more:
        if (!flush_answer(out, Outgoing::Last::no)) {
          return {.consumed = consumed, .settled = true};
        }
        // The time for a head does not start again with each of its bytes.
        if (answer_relayed_ && client_.stream().pending_bytes() == 0) {
          lease_->expect_within(endpoint_->options().timeouts.read);
        }
        return {.consumed = consumed};
      case StepKind::head:
        if (is_interim(decoder.head().status) ? !relay_interim(decoder.head())
                                              : !begin_answer(decoder.head(), out)) {
          return {.settled = true};
        }
        break;
      case StepKind::body:
        record_.answer_bytes += step.body.size();
        out.body(step.body);
        if (out.full() && !flush_answer(out, Outgoing::Last::no)) {
          return {.consumed = consumed, .settled = true};
        }
        break;
      case StepKind::end:
        if (flush_answer(out, Outgoing::Last::yes)) {
          end_answer(decoder, consumed < bytes.size());
        }
        return {.consumed = consumed, .settled = true};
      case StepKind::error:
        // What was sound of a body is passed on; the abort that follows says that it is not all.
        if (flush_answer(out, Outgoing::Last::no)) {
          fail(make_error(step.error));
        }
        return {.settled = true};
    }
  }
}

// An interim answer says nothing about the end (RFC 9110 section 15.2). Only HTTP/1.1 knows them. A
// 100 is not passed on: whoever asked for one has had ours.
bool Exchange::relay_interim(const http1::ResponseHead& head) {
  if (++interim_answers_ > max_interim_answers) {
    fail(make_error(ErrorCode::too_many_interim));
    return false;
  }
  bound_ |= head.connection_bound;
  if (!client_http11_ || head.status == 100) {
    return true;
  }
  const std::span<char> room = context_.head_room();
  check(http1::response_bound(head) <= room.size(), "a head fits its room");
  check(!answer_relayed_, "an interim answer comes behind the final one");
  const std::string_view parts[] = {{room.data(), http1::encode_interim(head, room)}};
  if (client_.stream().write(parts) == WriteOutcome::broken) {
    fail(make_error(ErrorCode::client_left));
    return false;
  }
  return true;
}

// Whether the client's connection may go on after this answer, as far as is known now.
bool Exchange::client_may_stay() const {
  const std::uint64_t max = listener_.max_requests;
  return client_keeps_ && !context_.draining && !client_.crowded() &&
         (max == 0 || client_.requests() + 1 < max);
}

bool Exchange::begin_answer(const http1::ResponseHead& head, Outgoing& out) {
  check(!answer_relayed_, "an answer is relayed behind another one");
  http1::ResponsePlan plan;
  status_ = head.status;
  plan.body = head.body;
  plan.content_length = head.content_length;
  if (head.body == BodyKind::chunked || head.body == BodyKind::until_close) {
    // HTTP/1.0 knows no chunks: there the end of the connection is the end of the answer.
    plan.body = client_http11_ ? BodyKind::chunked : BodyKind::until_close;
  }
  answer_framing_ = plan.body;
  // An answer that comes before its request is complete may end before it: the rest of the request
  // would then stand where the next one is expected.
  client_keeps_ = client_may_stay() && plan.body != BodyKind::until_close &&
                  request_state_ == RequestState::sent;
  if (!client_keeps_) {
    plan.connection = ConnectionWord::close;
  } else if (!client_http11_) {
    plan.connection = ConnectionWord::keep_alive;
  }
  char id_room[RequestId::text_bytes];
  if (listener_.request_id == RequestIdChoice::always) {
    plan.request_id = request_id(id_room);
  }
  const std::span<char> room = context_.head_room();
  check(http1::response_bound(head) <= room.size(), "a head fits its room");
  out.head({room.data(), http1::encode_response(head, plan, room)});
  endpoint_->learn(head.version);
  if (lease_->use().requests == 1 && !head.keep_alive_hint.empty()) {
    endpoint_->learn(*lease_, announced_by(head.keep_alive_hint));
  }
  endpoint_->note_answer();
  if (!context_.keeps_heads) {
    raw_head_.release();  // neither a replay nor an answer of our own needs it any more
  }
  return true;
}

// False: the client is gone and the exchange with it.
bool Exchange::flush_answer(Outgoing& out, Outgoing::Last last) {
  if (out.empty() && last == Outgoing::Last::no) {
    return true;
  }
  answer_relayed_ = true;
  switch (out.flush(client_.stream(), answer_framing_, last)) {
    case WriteOutcome::written:
      return true;
    case WriteOutcome::pending:
      // The client is slower than the backend: the backend has to wait, not our memory to grow.
      untaken_seen_ = client_.stream().untaken_bytes();
      client_.expect_within(listener_.timeouts.write);
      if (last == Outgoing::Last::no) {
        lease_->stream().pause_reading();
        lease_->expect_within(Duration::zero());
      } else {
        // All of it has been read. An earlier part may have paused the connection, and nobody would
        // resume it once it is back in the pool.
        lease_->stream().start_reading();
      }
      return true;
    case WriteOutcome::broken:
      fail(make_error(ErrorCode::client_left));
      return false;
  }
  return true;
}

void Exchange::on_client_drained() {
  if (local_) {
    client_.expect_within(Duration::zero());
    local_->on_drained();
    return;
  }
  if (lease_ && answer_relayed_) {
    lease_->stream().start_reading();
    lease_->expect_within(endpoint_->options().timeouts.read);
  }
}

// End of stream completes an answer that has no other end; any other is cut.
void Exchange::on_answer_end(http1::ResponseDecoder& decoder) {
  const Step step = decoder.finish();
  if (step.kind == StepKind::error) {
    fail(make_error(step.error));
    return;
  }
  Outgoing none;
  if (flush_answer(none, Outgoing::Last::yes)) {
    end_answer(decoder, false);
  }
}

// What this exchange has against another use of its connection, in the order of blame.
Retirement Exchange::fault_of(const http1::ResponseDecoder& decoder, bool left_over) const {
  if (request_state_ != RequestState::sent || upload_stopped_ ||
      lease_->stream().pending_bytes() != 0) {
    return Retirement::request_unsent;
  }
  if (left_over) {
    return Retirement::extra_bytes;
  }
  // The backend may have understood our bytes otherwise than we meant them.
  if (status_ == status_bad_request || status_ == status_request_timeout) {
    return Retirement::doubted_by_backend;
  }
  if (bound_ || decoder.head().connection_bound) {
    return Retirement::connection_bound;
  }
  if (decoder.head().body == BodyKind::until_close) {
    return Retirement::close_delimited;
  }
  if (decoder.head().version == Version::http10 && !decoder.continues()) {
    return Retirement::no_keep_alive;
  }
  return Retirement::none;
}

void Exchange::end_answer(http1::ResponseDecoder& decoder, bool bytes_left_over) {
  const ReturnFacts facts{.fault = fault_of(decoder, bytes_left_over),
                          .reusable = decoder.reusable()};
  const bool request_ended = request_state_ == RequestState::sent;
  context_.counters.replays_answered += replayed_ ? 1 : 0;
  lease_->answered(*this, bytes_left_over);
  if (!request_ended && anything_sent_) {
    lease_->cut_request();
  }
  if (facts.fault == Retirement::connection_bound && client_keeps_ && decoder.continues()) {
    client_.pin(std::move(lease_), {.reusable = true});
  } else {
    endpoint_->note_service(context_.fine_now() - record_.leased);
    record_.retired = lease_.settle(facts);
  }
  if (request_ended && client_keeps_) {
    client_.end_exchange(After::keep);
  } else {
    // The rest of the request, or the next one, may be on its way though it is not wanted.
    client_.end_exchange(request_ended && !client_may_ask_ ? After::close : After::linger);
  }
}

}  // namespace holdfast
