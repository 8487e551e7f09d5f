// The way of a request: from the client's bytes to the backend's stream.

#include "base/check.h"
#include "proxy/client_connection.h"
#include "proxy/exchange.h"

namespace holdfast {
namespace {

using http1::ConnectionWord;
using http1::Method;

bool is_trusted(const ListenerOptions& listener, const IpAddress& address) {
  for (const Network& network : listener.trusted_peers) {
    if (network.contains(address)) {
      return true;
    }
  }
  return false;
}

// For the first bytes of a body, before its rate counts.
constexpr Duration body_grace = 5s;

bool method_expects_body(Method method) {
  return method == Method::post || method == Method::put || method == Method::patch;
}

}  // namespace

std::size_t Exchange::on_request_bytes(std::string_view bytes) {
  switch (request_state_) {
    case RequestState::head:
      return read_head(bytes);
    case RequestState::buffering:
      return buffer(bytes);
    case RequestState::sending:
      return head_unsent_ ? begin_again(bytes) : send_more(bytes);
    case RequestState::waiting:
    case RequestState::sent:
      return 0;
  }
  return 0;
}

std::size_t Exchange::read_head(std::string_view bytes) {
  const Step step = request_.next(bytes);
  if (step.kind == StepKind::error) {
    keep_refused(bytes);
    fail(make_error(step.error));
    return bytes.size();
  }
  if (step.kind != StepKind::head) {
    return step.consumed;
  }
  // From here on nothing of the head is looked at again but by us: its framing is decided.
  const http1::RequestHead& head = request_.head();
  if (!note(head, bytes.substr(0, step.consumed))) {
    fail(make_error(ErrorCode::out_of_memory));
    return bytes.size();
  }
  if (LocalResponder* responder = client_.responder()) {
    return step.consumed + answer_here(*responder, head);
  }
  ++context_.counters.requests;
  if (client_.must_refuse()) {
    request_state_ = RequestState::waiting;
    fail(make_error(ErrorCode::overloaded));
    return bytes.size();
  }
  const std::string_view behind = bytes.substr(step.consumed);
  const Result<Upstream*> routed = client_.routes().choose(head);
  if (!routed) {
    return step.consumed + refuse_unrouted(behind, routed.error());
  }
  upstream_ = *routed;
  Endpoint* pinned = client_.pinned_endpoint(*upstream_);
  endpoint_ = pinned != nullptr ? pinned : upstream_->choose();
  servers_tried_ = 1;
  upstream_->replay_budget().earn();
  if (endpoint_ == nullptr) {
    wait_for_server();
    return step.consumed;
  }
  if (body_ == BodyKind::chunked && endpoint_->speaks() != Endpoint::Speaks::http11) {
    request_state_ = RequestState::buffering;
    begin_body();
    invite_body(behind);
    return step.consumed + buffer(behind);
  }
  if (Lease lease = find_connection()) {
    take(std::move(lease));
    return step.consumed + begin_sending(head, behind);
  }
  queue();
  return step.consumed;
}

// What has to be known of the head when its bytes are gone. False if there is no memory for it.
bool Exchange::note(const http1::RequestHead& head, std::string_view raw) {
  raw_head_ = context_.blocks.borrow(raw.size());
  if (!raw_head_) {
    return false;
  }
  raw_head_.append(raw);
  method_ = head.method;
  body_ = head.body;
  request_framing_ = head.body;
  if (head.body == BodyKind::none && method_expects_body(head.method)) {
    request_framing_ = BodyKind::length;  // an explicit 0: some backends wait for a body otherwise
  }
  client_http11_ = head.version == Version::http11;
  client_keeps_ = head.keep_alive;
  client_may_ask_ = head.keep_alive;
  expects_continue_ = head.expects_continue;
  bound_ = head.connection_bound;
  return true;
}

// Collects a chunked body, so that a backend that may not know chunks gets a length (RFC 9112 6.1:
// chunked is only for those known to speak HTTP/1.1). No backend connection is held meanwhile.
std::size_t Exchange::buffer(std::string_view bytes) {
  std::size_t consumed = 0;
  while (true) {
    const Step step = request_.next(bytes.substr(consumed));
    consumed += step.consumed;
    if (step.kind == StepKind::error) {
      fail(make_error(step.error));
      return bytes.size();
    }
    if (step.kind == StepKind::end) {
      request_framing_ = BodyKind::length;
      obtain_connection();
      return consumed;
    }
    if (step.kind != StepKind::body) {
      expect_body(consumed);
      return consumed;
    }
    record_.request_bytes += step.body.size();
    std::string_view rest = step.body;
    while (!rest.empty()) {
      if ((buffered_.empty() || buffered_.back().room().empty()) &&
          !context_.blocks.extend(buffered_, BlockPool::sizes[buffered_.empty() ? 0 : 2])) {
        fail(make_error(ErrorCode::out_of_memory));
        return bytes.size();
      }
      const std::size_t fits = std::min(rest.size(), buffered_.back().room().size());
      buffered_.back().append(rest.substr(0, fits));
      rest.remove_prefix(fits);
    }
    buffered_bytes_ += step.body.size();
    if (buffered_bytes_ > endpoint_->options().limits.chunked_body) {
      if (endpoint_->speaks() == Endpoint::Speaks::http10) {
        fail(make_error(ErrorCode::body_too_large));
        return bytes.size();
      }
      // Nothing is known of the backend yet; a body of this size goes as HTTP/1.1 has it.
      obtain_connection();
      return consumed;
    }
  }
}

// The connection that the client has logged in over, else one that is idle.
Lease Exchange::find_connection() {
  if (Lease pinned = client_.take_pinned(*upstream_)) {
    bound_ = true;
    return pinned;
  }
  return endpoint_->try_lease();
}

// Leases a connection or queues for one. The exchange may have failed, and be gone, when it
// returns.
void Exchange::obtain_connection() {
  if (Lease lease = needs_fresh_connection() ? Lease() : find_connection()) {
    on_lease(std::move(lease));
  } else {
    queue();
  }
}

void Exchange::queue() {
  if (endpoint_->removed()) {
    endpoint_ = upstream_->choose();
    if (endpoint_ == nullptr) {
      wait_for_server();
      return;
    }
    if (Lease lease = needs_fresh_connection() ? Lease() : endpoint_->try_lease()) {
      on_lease(std::move(lease));
      return;
    }
  }
  request_state_ = RequestState::waiting;
  queued_ = context_.fine_now();
  if (const auto hopeless = endpoint_->wait(*this)) {
    fail(*hopeless);
  }
}

void Exchange::take(Lease lease) {
  lease_ = std::move(lease);
  record_.leased = context_.fine_now();
  endpoint_->note_lease(record_.leased);
  record_.connection = lease_->number();
  record_.connection_request = lease_->use().requests;
  endpoint_->tally().reuses += record_.reused() ? 1 : 0;
  record_.connect = record_.reused() ? Duration{} : lease_->connect_time();
  reused_ = lease_->use().requests > 1 && !lease_->bound();
  anything_sent_ = false;
  untaken_ = false;
  head_unsent_ = true;
  keeps_body_ = body_ != BodyKind::none && may_keep_body();
  request_state_ = RequestState::sending;
  lease_->owe(*this, method_);
  if (body_ != BodyKind::none) {
    begin_body();
  }
}

void Exchange::on_lease(Lease lease) {
  end_waiting();
  if (!may_send_chunks()) {
    lease.settle({.reusable = true});  // not a byte went over it, and it is nobody's
    if (buffered_bytes_ > endpoint_->options().limits.chunked_body) {
      fail(make_error(ErrorCode::body_too_large));
      return;
    }
    collect_body();
    return;
  }
  take(std::move(lease));
  client_.pump();
}

// A body is to go chunked because the backend spoke HTTP/1.1 when the head came. While the request
// waited an answer may have told otherwise, or it may have come to another server.
bool Exchange::may_send_chunks() const {
  if (request_framing_ != BodyKind::chunked) {
    return true;
  }
  const bool outgrown = buffered_bytes_ > endpoint_->options().limits.chunked_body;
  return endpoint_->speaks() == Endpoint::Speaks::http11 ||
         (outgrown && endpoint_->speaks() == Endpoint::Speaks::unknown);
}

// The head was decided when it arrived; now that it is known to whom it goes it is read again from
// our copy and re-serialised for that backend.
std::size_t Exchange::begin_again(std::string_view bytes) {
  http1::RequestDecoder again(context_.request_fields, client_.head_limits(), 0);
  const Step step = again.next(raw_head_.bytes());
  check(step.kind == StepKind::head, "a head that was accepted once is accepted again");
  return begin_sending(again.head(), bytes);
}

std::size_t Exchange::begin_sending(const http1::RequestHead& head, std::string_view bytes) {
  PlanRoom plan_room;
  name_request(head);
  const http1::RequestPlan plan = plan_request(head, plan_room);
  const std::span<char> room = context_.head_room();
  check(http1::request_bound(head, plan) <= room.size(), "a head fits its room");
  Outgoing out;
  out.head({room.data(), http1::encode_request(head, plan, room)});
  head_unsent_ = false;
  if (buffered_.empty()) {
    invite_body(bytes);
    return send(out, bytes);
  }
  if (!flush_request(out, Outgoing::Last::no, nullptr)) {
    return 0;
  }
  return send_buffered() ? send_more(bytes) : 0;
}

// Sends the collected body block by block, each when the one before has gone. True once all of it
// is with the stream.
bool Exchange::send_buffered() {
  while (!buffered_.empty() && lease_->stream().pending_bytes() == 0) {
    Outgoing out;
    out.body(buffered_.front().bytes());
    if (!flush_request(out, Outgoing::Last::no, nullptr)) {
      return false;
    }
    keep_body(buffered_.front().bytes());
    buffered_.erase(buffered_.begin());
  }
  return buffered_.empty();
}

std::size_t Exchange::send_more(std::string_view bytes) {
  if (upload_stopped_ && !keeps_body_) {
    return bytes.size();  // the backend takes no more; its answer is on the way
  }
  if (!buffered_.empty()) {
    return 0;
  }
  Outgoing out;
  return send(out, bytes);
}

http1::RequestPlan Exchange::plan_request(const http1::RequestHead& head, PlanRoom& room) const {
  http1::RequestPlan plan;
  const Endpoint::Speaks speaks = endpoint_->speaks();
  plan.version = speaks == Endpoint::Speaks::http10 ? Version::http10 : Version::http11;
  // HTTP/1.1 keeps connections by itself. Whoever may be older is asked to.
  plan.connection = lease_->announces_last()             ? ConnectionWord::close
                    : speaks == Endpoint::Speaks::http11 ? ConnectionWord::none
                                                         : ConnectionWord::keep_alive;
  plan.body = request_framing_;
  if (request_framing_ == BodyKind::length) {
    plan.content_length = body_ == BodyKind::chunked ? buffered_bytes_ : head.content_length;
  }
  switch (endpoint_->options().host) {
    case HostChoice::preserve:
      plan.host = head.host.empty() ? endpoint_->host() : head.host;
      break;
    case HostChoice::server:
      plan.host = endpoint_->host();
      break;
    case HostChoice::literal:
      plan.host = endpoint_->options().host_name;
      break;
  }
  plan.client_address = client_.address().write_text(room.address);
  plan.trusted = !listener_.trusted_peers.empty() && is_trusted(listener_, client_.address());
  if (request_id_.made()) {
    plan.request_id = request_id_.write_text(room.request_id);
  }
  return plan;
}

// Tells a client that waits for it to send its body (RFC 9110 10.1.1). The backend is not asked: it
// has not been told that anybody waits.
void Exchange::invite_body(std::string_view already_there) {
  if (expects_continue_ && already_there.empty() && !request_.complete()) {
    check(!answer_begun_, "an invitation comes behind an answer");
    const std::string_view parts[] = {http1::continue_answer};
    static_cast<void>(client_.stream().write(parts));  // if it broke, reading will say so
  }
  expects_continue_ = false;
}

// The time for a body begins, also again after we were the ones who did not read.
void Exchange::begin_body() {
  body_due_ = context_.now() + body_grace;
  expect_body(0);
}

// Each byte of a body buys the time that it may take at the least rate; a fast start pays for a
// stop later, but never for more than one of the greatest length allowed.
void Exchange::expect_body(std::size_t moved) {
  const TimePoint now = context_.now();
  const Duration stop = listener_.timeouts.body;
  TimePoint due = stop == Duration::zero() ? TimePoint::max() : now + stop;
  if (const std::uint64_t rate = listener_.limits.body_rate; rate != 0) {
    const Duration bought = Duration(1s) / rate * moved;
    body_due_ = std::min(body_due_ + bought, now + std::max(stop, body_grace));
    due = std::min(due, body_due_);
  }
  client_.expect_by(due);
}

// Sends what was collected in `out` and all of the body that is in `bytes`, in one gather write.
std::size_t Exchange::send(Outgoing& out, std::string_view bytes) {
  if (body_ == BodyKind::none) {
    if (flush_request(out, Outgoing::Last::yes, nullptr) && !upload_stopped_) {
      request_was_sent();
    }
    return 0;
  }
  const http1::RequestDecoder before = request_;
  std::size_t consumed = 0;
  auto last = Outgoing::Last::no;
  while (last == Outgoing::Last::no) {
    const Step step = request_.next(bytes.substr(consumed));
    consumed += step.consumed;
    if (step.kind == StepKind::error) {
      fail(make_error(step.error));
      return bytes.size();
    }
    if (step.kind == StepKind::need_more) {
      break;
    }
    if (step.kind == StepKind::end) {
      last = Outgoing::Last::yes;
    } else {
      record_.request_bytes += step.body.size();
      keep_body(step.body);
      out.body(step.body);
    }
    if (out.full() && !flush_request(out, Outgoing::Last::no, &before)) {
      return 0;
    }
  }
  if (!flush_request(out, last, &before)) {
    return 0;
  }
  if (upload_stopped_) {
    if (last == Outgoing::Last::no) {
      return bytes.size();
    }
    request_state_ = RequestState::sent;  // nothing more is read of it; what follows is another
    return consumed;
  }
  if (last == Outgoing::Last::yes) {
    request_was_sent();
  } else {
    expect_body(consumed);
    if (lease_->stream().pending_bytes() == 0) {
      lease_->expect_within(Duration::zero());  // it is the client's turn to send
    }
  }
  return consumed;
}

// Gives the collected parts to the backend's stream. False: the connection was broken before it
// took anything; the body is back where `before` says, nothing of it counts as consumed, and the
// exchange waits for another connection or has failed and is gone.
bool Exchange::flush_request(Outgoing& out, Outgoing::Last last,
                             const http1::RequestDecoder* before) {
  switch (out.flush(lease_->stream(), request_framing_, last)) {
    case WriteOutcome::written:
      anything_sent_ = true;
      return true;
    case WriteOutcome::pending:
      // The backend is slower than the client. Until it has caught up we read no more from the
      // client, so that its bytes wait in the kernel and not in our memory.
      if (last == Outgoing::Last::no) {
        client_.pause();
      }
      note_pending(out.given_bytes());
      lease_->expect_within(endpoint_->options().timeouts.write);
      return true;
    case WriteOutcome::broken:
      if (anything_sent_) {
        upload_stopped_ = true;  // reading will tell what became of the connection
        return true;
      }
      if (before != nullptr) {
        request_ = *before;
        record_.request_bytes = 0;  // nothing had gone before these bytes
        forget_body();
      }
      fail(make_error(ErrorCode::upstream_write_failed));
      return false;
  }
  return true;
}

// More of the request was given to the stream than the kernel took.
void Exchange::note_pending(std::size_t given_bytes) {
  const std::size_t pending = lease_->stream().pending_bytes();
  const std::size_t pending_before = untaken_ ? upstream_pending_seen_ : 0;
  untaken_ = (untaken_ || !anything_sent_) && pending == pending_before + given_bytes;
  upstream_pending_seen_ = pending;
  anything_sent_ = true;
}

// Whether what goes out of the body is copied, so that it can go out once more: only where the
// request may have to, which is on a connection that may be stale.
bool Exchange::may_keep_body() const {
  const ReplayOptions& options = endpoint_->options().replay;
  if (!reused_ || replayed_ || options.methods != ReplayMethods::idempotent ||
      request_class(method_, BodyCopy::kept) != RequestClass::idempotent) {
    return false;
  }
  return body_ != BodyKind::length || request_.head().content_length <= options.body;
}

void Exchange::keep_body(std::string_view span) {
  if (!keeps_body_) {
    return;
  }
  // Too large a body, or no memory for it, only means that it cannot be sent again.
  if (kept_body_.size() + span.size() > endpoint_->options().replay.body ||
      !context_.blocks.make_room(kept_body_, span.size())) {
    forget_body();
    return;
  }
  kept_body_.append(span);
}

void Exchange::forget_body() {
  keeps_body_ = false;
  kept_body_.release();
}

void Exchange::request_was_sent() {
  request_state_ = RequestState::sent;
  if (lease_->stream().pending_bytes() == 0) {
    lease_->expect_within(endpoint_->options().timeouts.response);
  }
}

}  // namespace holdfast
