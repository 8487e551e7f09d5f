#include "proxy/upstream_connection.h"

#include <fmt/format.h>

#include <array>

#include "proxy/client_connection.h"
#include "proxy/endpoint.h"
#include "proxy/exchange.h"

namespace holdfast {
namespace {

// A client that leaves while no more than this is missing of its answer does not cost a connection.
constexpr std::uint64_t swallow_most = 64 * std::uint64_t{1024};
constexpr Duration swallow_time = 250ms;

std::string_view name_of(PoolState state) {
  switch (state) {
    case PoolState::none:
      return "in no pool";
    case PoolState::connecting:
      return "connecting";
    case PoolState::leased:
      return "leased";
    case PoolState::pinned:
      return "pinned";
    case PoolState::idle:
      return "idle";
    case PoolState::resting:
      return "resting";
    case PoolState::leaving:
      return "leaving";
  }
  return "unknown";
}

}  // namespace

UpstreamConnection::UpstreamConnection(Context& context, Endpoint& endpoint)
    : context_(context),
      endpoint_(endpoint),
      stream_(context.streams.make(*this)),
      decoder_(context.response_fields, endpoint.answer_limits()),
      number_(context.next_connection_number()) {}

UpstreamConnection::~UpstreamConnection() {
  check(owed_.empty(), "a connection is released while it owes an answer");
  context_.timers.disarm(*this);
}

int UpstreamConnection::connect(const SocketAddress& to, const ConnectFrom& from) {
  note(Event::connecting);
  attempted_ = context_.fine_now();
  expect_within(endpoint_.options().timeouts.connect);
  const int failed = stream_.connect(to, from);
  if (failed == 0) {
    stream_.bear_silence(endpoint_.options().timeouts.write);
  }
  return failed;
}

int UpstreamConnection::adopt(const MovedConnection& moved) {
  note(Event::adopted);
  number_ = moved.number;
  const int failed = stream_.adopt(moved.descriptor);
  if (failed == 0) {
    stream_.start_reading();
  }
  return failed;
}

void UpstreamConnection::on_connected(int system) {
  if (system != 0) {
    endpoint_.on_connect_failed(*this, connect_error(system));
    return;
  }
  // From now on it keeps reading, idle or not: that is how a close or a stray byte is noticed at
  // once.
  stream_.start_reading();
  note(Event::connected);
  connect_time_ = context_.fine_now() - attempted_;
  endpoint_.on_connected(*this);
}

void UpstreamConnection::owe(Exchange& exchange, http1::Method method) {
  require(owed_.empty(), "one exchange at a time on a connection");
  note(Event::leased);
  clean_ = false;
  owed_.push_back(exchange);
  decoder_.reset();
  decoder_.expect(method);
}

void UpstreamConnection::answered(Exchange& exchange, bool bytes_left_over) {
  note(Event::answered);
  clean_ = !bytes_left_over;
  owed_.remove(exchange);
  input_.release();
}

void UpstreamConnection::disown(Exchange& exchange) {
  note(Event::disowned);
  owed_.remove(exchange);
  input_.release();
}

void UpstreamConnection::pin_to(ClientConnection& client) {
  check(pinned_to_ == nullptr || pinned_to_ == &client, "a pinned connection changes its client");
  pinned_to_ = &client;
}

void UpstreamConnection::leave_client() {
  if (pool_state() == PoolState::pinned) {
    pinned_to_->forget_pinned();
  }
}

void UpstreamConnection::on_bytes(std::string_view bytes) {
  if (swallowing_) {
    swallow(bytes);
    return;
  }
  Exchange* exchange = owed_.front();
  if (exchange == nullptr) {
    note(Event::spoke_unasked);
    clean_ = false;
    leave_client();
    endpoint_.on_stray_bytes(*this);
    return;
  }
  std::string_view message = bytes;
  if (!input_.empty()) {
    if (!context_.blocks.make_room(input_, bytes.size())) {
      exchange->fail(make_error(input_.size() + bytes.size() > BlockPool::largest
                                    ? ErrorCode::response_head_too_large
                                    : ErrorCode::out_of_memory));
      return;
    }
    input_.append(bytes);
    message = input_.bytes();
  }
  const auto [consumed, settled] = exchange->on_answer_bytes(decoder_, message);
  if (swallowing_) {
    // Its client has left in the middle of this read.
    swallow(message.substr(consumed));
    return;
  }
  if (!settled && !keep(message.substr(consumed), bytes)) {
    exchange->fail(make_error(ErrorCode::out_of_memory));
  }
}

// What was not consumed is part of a head and must stay contiguous until the rest has arrived.
// False if there is no memory for it.
bool UpstreamConnection::keep(std::string_view rest, std::string_view arrived) {
  if (!input_.empty()) {
    input_.consume(input_.size() - rest.size());
    if (input_.empty()) {
      input_.release();
    }
  } else if (!rest.empty()) {
    input_ = context_.blocks.borrow(std::max(rest.size(), arrived.size()));
    if (!input_) {
      return false;
    }
    input_.append(rest);
  }
  return true;
}

// Whether reading on promises the end of the answer soon: the request is out, and the answer has a
// length or chunks.
bool UpstreamConnection::swallow_rest(std::uint64_t seen_bytes) {
  const http1::ResponseHead& head = decoder_.head();
  const bool little =
      head.body != BodyKind::length || head.content_length <= seen_bytes + swallow_most;
  if (!little || head.body == BodyKind::until_close || end_ != End::none || bound() ||
      !input_.empty() || context_.draining) {
    return false;
  }
  swallowing_ = true;
  swallowed_bytes_ = 0;
  stream_.start_reading();  // the client may have been the slower side
  expect_within(swallow_time);
  return true;
}

// As an exchange reads an answer, but nothing of it goes anywhere.
void UpstreamConnection::swallow(std::string_view bytes) {
  swallowed_bytes_ += static_cast<std::uint32_t>(bytes.size());
  if (swallowed_bytes_ > swallow_most) {
    end_swallowed(Retirement::client_left);
    return;
  }
  while (true) {
    const Step step = decoder_.next(bytes);
    bytes.remove_prefix(step.consumed);
    switch (step.kind) {
      case StepKind::need_more:
        // A line of chunks may be cut anywhere; to keep it is not worth the memory.
        if (!bytes.empty()) {
          end_swallowed(Retirement::client_left);
        }
        return;
      case StepKind::head:
      case StepKind::body:
        break;
      case StepKind::end:
        end_swallowed(bytes.empty() ? Retirement::none : Retirement::extra_bytes);
        return;
      case StepKind::error:
        end_swallowed(Retirement::malformed_response);
        return;
    }
  }
}

void UpstreamConnection::end_swallowed(Retirement fault) {
  swallowing_ = false;
  clean_ = fault == Retirement::none;
  if (clean_) {
    note(Event::answered);
    ++endpoint_.tally().salvaged;
    endpoint_.give_back(*this, {.reusable = decoder_.reusable()});
  } else {
    endpoint_.retire(*this, fault);
  }
}

void UpstreamConnection::on_end() {
  note(Event::ended);
  end_ = End::fin;
  if (swallowing_) {
    end_swallowed(Retirement::client_left);
    return;
  }
  if (Exchange* exchange = owed_.front()) {
    exchange->on_answer_end(decoder_);
  } else {
    leave_client();
    endpoint_.on_ended_unasked(*this);
  }
}

void UpstreamConnection::on_broken(int system) {
  note(Event::broken);
  end_ = End::reset;
  ending_ = Ending::reset;
  if (swallowing_) {
    end_swallowed(Retirement::client_left);
    return;
  }
  Exchange* exchange = owed_.front();
  if (exchange != nullptr) {
    // A write may fail before the loop has come to what the backend had said by then.
    exchange->stop_upload();
    while (owed_.front() == exchange && exchange->takes_answer() && stream_.read_now()) {
    }
    if (owed_.front() != exchange) {
      return;
    }
    exchange->on_upstream_broken(system);
  } else {
    leave_client();
    endpoint_.on_ended_unasked(*this);
  }
}

void UpstreamConnection::on_drained() {
  if (Exchange* exchange = owed_.front()) {
    exchange->on_upstream_drained();
  }
}

void UpstreamConnection::on_closed() { endpoint_.on_closed(*this, stream_); }

void UpstreamConnection::rest(TimePoint deadline) {
  note(Event::parked);
  verify_parked();
  rested_in_ = context_.clock.turn();
  rested_drained_ = stream_.drained();
  arm(deadline);
}

void UpstreamConnection::arm(TimePoint deadline) { context_.timers.arm(*this, deadline); }

void UpstreamConnection::expect_within(Duration limit) {
  arm(limit == Duration::zero() ? TimePoint::max() : context_.now() + limit);
}

void UpstreamConnection::on_deadline(TimePoint now) {
  switch (pool_state()) {
    case PoolState::connecting:
      endpoint_.on_connect_failed(*this, make_error(ErrorCode::connect_timeout));
      return;
    case PoolState::leased:
      if (swallowing_) {
        end_swallowed(Retirement::client_left);
      } else {
        owed_.front()->on_upstream_deadline();
      }
      return;
    case PoolState::pinned:
      endpoint_.on_pinned_deadline(*this, now);
      return;
    case PoolState::idle:
      endpoint_.on_idle_deadline(*this, now);
      return;
    case PoolState::resting:
      endpoint_.on_resting_deadline(*this, now);
      return;
    case PoolState::leaving:
      endpoint_.on_leaving_deadline(*this);
      return;
    case PoolState::none:
      return;
  }
}

void UpstreamConnection::verify_parked() const {
  require(owed_.empty(), "a connection is parked while it owes an answer");
  require(clean_ && input_.empty(), "a connection is parked with bytes unread");
  require(stream_.pending_bytes() == 0, "a connection is parked with bytes unsent");
}

void UpstreamConnection::verify() const {
  if (pool_state() == PoolState::idle || pool_state() == PoolState::resting ||
      pool_state() == PoolState::pinned) {
    verify_parked();
  } else if (pool_state() == PoolState::leased) {
    require(owed_.size() == (swallowing_ ? 0 : 1), "a leased connection owes one answer");
  }
}

std::string UpstreamConnection::history() const {
  constexpr std::array<std::string_view, 12> names{
      "none",     "connecting", "connected",     "adopted", "leased", "answered",
      "disowned", "parked",     "spoke_unasked", "ended",   "broken", "closed"};
  std::string last;
  for (int shift = 56; shift >= 0; shift -= 8) {
    const auto event = static_cast<std::size_t>((events_ >> shift) & 0xff);
    if (event != 0) {
      last += fmt::format(" {}", names.at(event));
    }
  }
  const auto age = std::chrono::floor<std::chrono::milliseconds>(context_.now() - use().opened_at);
  return fmt::format(
      "The connection to {} is {}, {} ms old, was leased {} times, owes {} answers, has {} bytes "
      "unsent and {} kept; last events:{}",
      endpoint_.authority(), name_of(pool_state()), age.count(), use().requests, owed_.size(),
      stream_.pending_bytes(), input_.size(), last);
}

bool UpstreamConnection::announces_last() const {
  return use().last_for != Retirement::none && endpoint_.asks_to_close();
}

// It owes nothing, and neither a byte of a request nor one of an answer is on its way. What follows
// the backend's end of stream cannot be unread.
bool UpstreamConnection::clean() const {
  return owed_.empty() && clean_ && input_.empty() && (end_ == End::fin || stream_.quiet());
}

// With part of a request still unsent an ordinary close would leave the kernel to deliver it, for
// as long as that takes, to a backend that may not read it or may execute it.
void UpstreamConnection::close(Ending wanted) {
  if ((events_ & 0xff) == static_cast<std::uint64_t>(Event::closed)) {
    return;
  }
  note(Event::closed);
  context_.timers.disarm(*this);
  const bool cut = request_cut_ || stream_.pending_bytes() != 0;
  if (cut || (wanted == Ending::reset && was_open() && clean())) {
    ending_ = Ending::reset;
    stream_.reset();
    return;
  }
  stream_.close();
}

void UpstreamConnection::close_second(Duration grace) {
  stream_.start_reading();  // in case back-pressure had paused it
  expect_within(grace);
}

int UpstreamConnection::detach() {
  context_.timers.disarm(*this);
  const int descriptor = stream_.detach();
  moved_ = descriptor >= 0;
  return descriptor;
}

void Lease::pin(ClientConnection& client, ReturnFacts facts) {
  if (connection_->endpoint().pin(*connection_, facts)) {
    connection_->pin_to(client);
  } else {
    connection_ = nullptr;
  }
}

void Lease::resume_pinned() { connection_->endpoint().lease_pinned(*connection_); }

Retirement Lease::settle(ReturnFacts facts) {
  UpstreamConnection* connection = std::exchange(connection_, nullptr);
  return connection == nullptr ? Retirement::none
                               : connection->endpoint().give_back(*connection, facts);
}

void Lease::retire(Retirement reason) {
  if (UpstreamConnection* connection = std::exchange(connection_, nullptr)) {
    connection->endpoint().retire(*connection, reason);
  }
}

}  // namespace holdfast
