#include "proxy/exchange.h"

#include "base/log.h"
#include "codec/http1/error_answer.h"
#include "codec/http1/request_words.h"
#include "proxy/client_connection.h"

namespace holdfast {
namespace {

// A client that was told "not now" may try again after so many seconds (RFC 9110 section 10.2.3).
constexpr int retry_after_seconds = 1;
constexpr int status_unavailable = 503;

// What a failure of the exchange says about its connection.
Retirement retirement_for(ErrorCode code) {
  switch (code) {
    case ErrorCode::upstream_closed:
    case ErrorCode::upstream_write_failed:
    case ErrorCode::response_incomplete:
    case ErrorCode::out_of_memory:
      return Retirement::broken;
    case ErrorCode::malformed_response:
    case ErrorCode::response_head_too_large:
    case ErrorCode::unexpected_upgrade:
    case ErrorCode::too_many_interim:
      return Retirement::malformed_response;
    case ErrorCode::response_timeout:
    case ErrorCode::response_stalled:
    case ErrorCode::request_stalled:
      return Retirement::timed_out;
    case ErrorCode::client_left:
    case ErrorCode::client_stalled:
      return Retirement::client_left;
    case ErrorCode::malformed_request:
    case ErrorCode::head_too_large:
    case ErrorCode::target_too_long:
    case ErrorCode::body_too_large:
    case ErrorCode::unknown_transfer_coding:
    case ErrorCode::unknown_method:
    case ErrorCode::method_not_allowed:
    case ErrorCode::unsupported_version:
    case ErrorCode::expectation_failed:
    case ErrorCode::ambiguous_path:
    case ErrorCode::no_route:
    case ErrorCode::request_timeout:
    case ErrorCode::connect_refused:
    case ErrorCode::connect_timeout:
    case ErrorCode::connect_failed:
    case ErrorCode::name_unresolved:
    case ErrorCode::name_unanswered:
    case ErrorCode::out_of_ports:
    case ErrorCode::out_of_descriptors:
    case ErrorCode::local_failure:
    case ErrorCode::queue_full:
    case ErrorCode::queue_timeout:
    case ErrorCode::overloaded:
    case ErrorCode::shutting_down:
      return Retirement::request_unsent;
  }
  return Retirement::broken;
}

}  // namespace

Exchange::Exchange(Context& context, ClientConnection& client, const ListenerOptions& listener)
    : context_(context),
      client_(client),
      listener_(listener),
      request_(context.request_fields, client.head_limits(), listener.limits.body) {
  record_.started = context.fine_now();
}

Exchange::~Exchange() { leave_upstream(Retirement::client_left); }

// Gives up the place in the queue, or the connection, whichever there is.
void Exchange::leave_upstream(Retirement reason) {
  if (waiting()) {
    endpoint_ != nullptr ? endpoint_->leave(*this) : upstream_->leave(*this);
  }
  if (lease_) {
    const bool salvaged = reason == Retirement::client_left && may_salvage() &&
                          lease_->swallow_rest(record_.answer_bytes);
    lease_->disown(*this);
    if (salvaged) {
      lease_.leave_swallowing();
      return;
    }
    record_.retired = reason;
    if (anything_sent_ && request_state_ != RequestState::sent) {
      lease_->cut_request();
    }
    lease_.retire(reason);
  }
}

// The request is out and the answer has begun: all that is missing is some of its body.
bool Exchange::may_salvage() const {
  return answer_relayed_ && request_state_ == RequestState::sent && !upload_stopped_ && !bound_ &&
         !lease_->bound() && lease_->stream().pending_bytes() == 0 &&
         status_ != status_bad_request && status_ != status_request_timeout;
}

void Exchange::report() {
  end_waiting();
  record_.listener = &listener_;
  record_.upstream = servers_tried_ == 0 ? nullptr : upstream_;
  record_.endpoint = endpoint_;
  record_.client = &client_.address();
  record_.client_request = client_.requests() + 1;
  record_.head = context_.keeps_heads ? raw_head_.bytes() : std::string_view();
  record_.method = request_.method();
  char id_room[RequestId::text_bytes];
  if (request_id_.made()) {
    record_.request_id = request_id_.write_text(id_room);
  }
  record_.status = status_;
  record_.tries = static_cast<std::uint32_t>(servers_tried_) + (replayed_ ? 1 : 0);
  record_.ended = context_.fine_now();
  client_.count(record_);
  if (record_.upstream != nullptr) {
    upstream_->tally().count(record_);
  }
  // Who looks at the status pages is no client.
  if (context_.exchange_reader != nullptr && client_.responder() == nullptr) {
    context_.exchange_reader->on_exchange(record_);
  }
}

// For the answer to a head that is none, and for the log. Without memory for it they say less.
void Exchange::keep_refused(std::string_view bytes) {
  const std::string_view kept = bytes.substr(0, BlockPool::sizes[0]);
  raw_head_ = context_.blocks.borrow(kept.size());
  if (raw_head_) {
    raw_head_.append(kept);
  }
}

// Makes an id for a request that comes without one, where somebody will look for it.
void Exchange::name_request(const http1::RequestHead& head) {
  const RequestIdChoice choice = listener_.request_id;
  const bool wanted = choice == RequestIdChoice::always ||
                      (choice == RequestIdChoice::automatic && context_.keeps_heads);
  if (wanted && !request_id_.made() && request_id_of(head).empty()) {
    request_id_ = context_.request_ids.next();
  }
}

// The id that was made for it, else its client's if that is sane; empty if there is none. The raw
// head is still there.
std::string_view Exchange::request_id(char* room) const {
  if (request_id_.made()) {
    return request_id_.write_text(room);
  }
  const std::string_view own = http1::read_request_words(raw_head_.bytes()).request_id;
  return sane_request_id(own) ? own : std::string_view();
}

void Exchange::end_waiting() {
  if (queued_ != TimePoint{}) {
    record_.waited += context_.fine_now() - queued_;
    queued_ = {};
  }
}

void Exchange::abandon() {
  record_.error = ErrorCode::client_left;
  if (request_state_ != RequestState::head) {
    context_.counters.count(ErrorCode::client_left);
  }
  leave_upstream(Retirement::client_left);
  client_.end_exchange(After::abort);
}

void Exchange::fail(Error error) {
  const ErrorRow& row = error_row(error.code);
  const bool stale =
      lease_ && reused_ && !answer_begun_ &&
      (error.code == ErrorCode::upstream_closed || error.code == ErrorCode::upstream_write_failed);
  if (stale) {
    endpoint_->learn_stale_end(*lease_, record_.leased);
  }
  if (try_replay(error)) {
    return;
  }
  if (is_silence(error.code)) {
    endpoint_->note_silence(error);
  }
  record_.error = error.code;
  context_.counters.count(error.code);
  context_.counters.replays_failed += replayed_ ? 1 : 0;
  log::debug("{}: {} (errno {})", endpoint_ == nullptr ? "request" : endpoint_->authority(),
             row.name, error.system);
  leave_upstream(retirement_for(error.code));
  if (row.status == 0 || answer_relayed_) {
    client_.end_exchange(After::abort);
  } else {
    answer_locally(row);
  }
}

// Whether the failure counts against the server: it took the request and gave no answer. An old
// connection that ended says nothing, for it may have been idle for too long.
bool Exchange::is_silence(ErrorCode code) const {
  if (!lease_ || answer_relayed_) {
    return false;
  }
  const bool ended = code == ErrorCode::upstream_closed || code == ErrorCode::upstream_write_failed;
  return (ended && lease_->use().requests == 1) || code == ErrorCode::response_timeout ||
         code == ErrorCode::malformed_response;
}

// Sends the request once more where that does no harm.
bool Exchange::try_replay(Error error) {
  if (endpoint_ == nullptr) {
    return false;
  }
  const FailurePoint point = failure_point(
      error.code,
      {.reused = reused_, .answer_begun = answer_begun_, .anything_sent = anything_sent_});
  if (!may_replay(point) || (error.code == ErrorCode::queue_full && !another_serves())) {
    return false;
  }
  if (point == FailurePoint::connect) {
    go_elsewhere();
  } else {
    endpoint_->note_replay(error);
    replay();
  }
  return true;
}

bool Exchange::may_replay(FailurePoint point) {
  const BodyCopy body = body_ == BodyKind::none ? BodyCopy::none_needed
                        : keeps_body_           ? BodyCopy::kept
                                                : BodyCopy::gone;
  const ReplayRule rule = replay_rule(point, request_class(method_, body));
  switch (rule) {
    case ReplayRule::never:
      return false;
    case ReplayRule::elsewhere:
      return servers_tried_ < upstream_->size();
    case ReplayRule::once:
      return !replayed_;
    case ReplayRule::budgeted:
    case ReplayRule::if_configured:
      break;
  }
  const bool configured = endpoint_->options().replay.methods == ReplayMethods::idempotent;
  if (replayed_ || (rule == ReplayRule::if_configured && !configured)) {
    return false;
  }
  const bool affordable = upstream_->replay_budget().spend(context_.now());
  context_.counters.replays_refused += affordable ? 0 : 1;
  return affordable;
}

bool Exchange::may_meet_stale() const {
  return !replayed_ && body_ == BodyKind::none &&
         request_class(method_, BodyCopy::none_needed) == RequestClass::safe &&
         endpoint_->options().replay.budget != 0;
}

// Where to wait is no reason to try a server that is set aside.
bool Exchange::another_serves() const {
  const Upstream::Next next = upstream_->after(*endpoint_, upstream_->size() - servers_tried_);
  return next.endpoint != nullptr && next.endpoint->health().serving();
}

// No connection was made: another server may have one.
void Exchange::go_elsewhere() {
  const Upstream::Next next = upstream_->after(*endpoint_, upstream_->size() - servers_tried_);
  check(next.endpoint != nullptr, "a request goes on where there is a server left");
  ++context_.counters.failovers;
  servers_tried_ += next.steps;
  endpoint_ = next.endpoint;
  obtain_connection();
}

void Exchange::on_server_removed() {
  end_waiting();
  queue();
}

// No server has an address yet.
void Exchange::wait_for_server() {
  request_state_ = RequestState::waiting;
  queued_ = context_.fine_now();
  if (const auto hopeless = upstream_->wait(*this)) {
    fail(*hopeless);
  }
}

// As when its head had come only now.
void Exchange::on_server_known() {
  end_waiting();
  endpoint_ = upstream_->choose();
  if (endpoint_ == nullptr) {
    wait_for_server();
  } else if (body_ == BodyKind::chunked && endpoint_->speaks() != Endpoint::Speaks::http11) {
    collect_body();
  } else {
    obtain_connection();
  }
}

// It is known only now, after a wait, that a length is needed. The client may still wait to be
// invited. The exchange may be gone when this returns.
void Exchange::collect_body() {
  request_state_ = RequestState::buffering;
  begin_body();
  invite_body({});
  client_.pump();
}

// The connection was stale: the request goes over a fresh one, from its first byte on. What was
// sent of a body goes first, then what is still with the client.
void Exchange::replay() {
  ++context_.counters.replays;
  leave_upstream(Retirement::stale);
  replayed_ = true;
  endpoint_->suspect_idle();
  anything_sent_ = false;
  untaken_ = false;
  head_unsent_ = false;
  upload_stopped_ = false;
  if (!kept_body_.empty()) {
    buffered_.insert(buffered_.begin(), std::move(kept_body_));
  }
  forget_body();
  if (body_ == BodyKind::chunked) {
    buffered_bytes_ = 0;
    for (const Block& block : buffered_) {
      buffered_bytes_ += block.size();
    }
  }
  if (body_ != BodyKind::none) {
    client_.resume();  // the lost connection may have been the slower side
  }
  queue();
}

void Exchange::answer_locally(const ErrorRow& row) {
  check(!answer_relayed_ && !lease_, "an answer of our own comes beside a relayed one");
  status_ = row.status;
  const bool request_is_whole =
      request_state_ != RequestState::head && (body_ == BodyKind::none || request_.complete());
  // After a refused request nothing behind it can be trusted to begin where it seems to. One that
  // only leads nowhere was understood.
  const bool in_doubt = row.side == Side::client && row.code != ErrorCode::no_route;
  const bool stays = request_is_whole && !in_doubt && client_may_stay();
  const auto word = !stays            ? http1::ConnectionWord::close
                    : !client_http11_ ? http1::ConnectionWord::keep_alive
                                      : http1::ConnectionWord::none;
  char id_room[RequestId::text_bytes];
  if (listener_.request_id != RequestIdChoice::off && request_id(id_room).empty()) {
    request_id_ = context_.request_ids.next();
  }
  const bool named = listener_.request_id != RequestIdChoice::off;
  const bool tells = listener_.proxy_status == ProxyStatusChoice::on;
  const http1::ErrorAnswer answer{
      .status = row.status,
      .error = row.name,
      .proxy_status = tells ? proxy_status_type(row) : std::string_view(),
      .text = row.text,
      .hint = hint_of(row),
      .request_id = named ? request_id(id_room) : std::string_view(),
      .method = request_.method(),
      .connection = word,
      .form = http1::answer_form(http1::read_request_words(raw_head_.bytes()).accept),
      .retry_after = row.status == status_unavailable ? retry_after_seconds : 0};
  char written[http1::error_answer_bytes];
  const http1::ErrorAnswerSize size = http1::encode_error_answer(answer, written);
  record_.answer_bytes = size.body_bytes;
  const std::string_view parts[] = {{written, size.bytes}};
  if (client_.stream().write(parts) == WriteOutcome::broken) {
    client_.end_exchange(After::abort);
  } else {
    client_.end_exchange(stays                                  ? After::keep
                         : request_is_whole && !client_may_ask_ ? After::close
                                                                : After::linger);
  }
}

void Exchange::on_upstream_broken(int system) {
  fail(make_error(answer_begun_ ? ErrorCode::response_incomplete : ErrorCode::upstream_closed,
                  system));
}

// Bytes came before the backend can have read any of the request: they are the answer to another
// one, or to none. As on an idle connection, nobody gets them.
void Exchange::on_spoke_unasked() {
  log::warn(
      "upstream {}: {} sent bytes that nobody asked for; the connection is closed. Look for "
      "answers of the backend that are longer than their Content-Length",
      upstream_->name(), endpoint_->authority());
  leave_upstream(Retirement::spoke_while_idle);
  // What was given of a body and not kept cannot be given again.
  anything_sent_ = anything_sent_ && body_ != BodyKind::none;
  fail(make_error(ErrorCode::upstream_write_failed));
}

void Exchange::on_upstream_drained() {
  if (request_state_ == RequestState::sent) {
    client_.resume();
    lease_->expect_within(endpoint_->options().timeouts.response);
    return;
  }
  lease_->expect_within(Duration::zero());  // it is the client's turn to send
  if (!send_buffered()) {
    return;
  }
  begin_body();
  client_.resume();
  client_.pump();
}

bool Exchange::takes_answer() const { return client_.stream().pending_bytes() == 0; }

// The backend has been silent for too long, unless it is us who make it wait.
void Exchange::on_upstream_deadline() {
  const std::size_t pending = lease_->stream().pending_bytes();
  if (pending != 0 && pending < upstream_pending_seen_) {
    upstream_pending_seen_ = pending;  // slow, but it reads
    untaken_ = false;
    lease_->expect_within(endpoint_->options().timeouts.write);
  } else if (pending != 0) {
    fail(make_error(ErrorCode::request_stalled));
  } else if (answer_relayed_) {
    fail(make_error(ErrorCode::response_stalled));
  } else {
    fail(make_error(ErrorCode::response_timeout));
  }
}

void Exchange::on_client_deadline() {
  const std::size_t pending = client_.stream().pending_bytes();
  if (pending != 0) {
    const std::size_t untaken = client_.stream().untaken_bytes();
    if (!client_.takes_enough(untaken_seen_, untaken)) {
      fail(make_error(ErrorCode::client_stalled));
      return;
    }
    untaken_seen_ = untaken;
    client_.expect_within(listener_.timeouts.write);
  } else if (request_state_ == RequestState::head) {
    fail(make_error(ErrorCode::request_timeout));
  } else if (reading_body()) {
    if (lease_ && lease_->stream().pending_bytes() != 0) {
      begin_body();  // we do not read because the backend does not
    } else {
      fail(make_error(ErrorCode::request_timeout));
    }
  }
}

}  // namespace holdfast
