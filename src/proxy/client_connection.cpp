#include "proxy/client_connection.h"

#include "proxy/exchange.h"

namespace holdfast {
namespace {

// Bytes that may wait behind the present request before reading pauses. One read may come on top.
constexpr std::size_t read_ahead_bytes = 16 * 1024;

}  // namespace

ClientConnection::ClientConnection(Context& context, ClientOwner& owner, Service& service)
    : context_(context), owner_(owner), service_(service), stream_(context.streams.make(*this)) {}

ClientConnection::~ClientConnection() { context_.timers.disarm(*this); }

void ClientConnection::start(const IpAddress& address) {
  address_ = address;
  context_.counters.client_connections += service_.responder == nullptr ? 1 : 0;
  expect_within(service_.options.timeouts.head);
  static_cast<void>(stream_.read_now());
  if (state_ != State::open) {
    return;
  }
  // A client that asks once and is closed after its answer is not given to the loop at all: that
  // would cost two system calls. Should the answer take long, it is watched after all.
  if (exchange_ != nullptr && exchange_->request_complete() && !exchange_->keeps_client()) {
    expect_within(unwatched_time);
  } else {
    watch();
  }
}

void ClientConnection::watch() {
  if (!watched_) {
    watched_ = true;
    stream_.start_reading();
  }
}

void ClientConnection::on_bytes(std::string_view bytes) {
  if (state_ == State::lingering) {
    lingered_bytes_ += static_cast<std::uint32_t>(bytes.size());
    // A close with bytes unread would be a reset, which could overtake what the client has not read
    // of its answer. So the rest waits in the kernel until the time is over.
    if (lingered_bytes_ > linger_bytes) {
      stream_.pause_reading();
    }
    return;
  }
  if (!input_.empty()) {
    keep(bytes);
    pump();
  } else if (const std::size_t taken = offer(bytes);
             state_ == State::open && taken < bytes.size()) {
    keep(bytes.substr(taken));
  }
  // What cannot be used now is not read on and on: one block, then the client has to wait.
  if (state_ == State::open && input_.size() >= read_ahead_bytes &&
      (exchange_ == nullptr || !exchange_->reading_head())) {
    full_ = true;
    stream_.pause_reading();
  }
}

// Offers bytes to the exchange, and to the next ones while they end within the bytes. Returns how
// many were taken. A loop and not a recursion: a block may hold thousands of small requests.
std::size_t ClientConnection::offer(std::string_view bytes) {
  std::size_t taken = 0;
  offering_ = true;
  while (state_ == State::open) {
    if (exchange_ == nullptr) {
      if (bytes.empty() || stream_.pending_bytes() != 0) {
        break;  // whoever does not read its answers gets no more of them
      }
      if (!context_.exchanges.ready()) {
        context_.counters.count(ErrorCode::out_of_memory);
        abort();
        break;
      }
      stop_resting();
      exchange_ = &context_.exchanges.make(context_, *this, service_.options);
    }
    const std::uint64_t before = requests_;
    const std::size_t used = exchange_->on_request_bytes(bytes);
    bytes.remove_prefix(used);
    taken += used;
    if (requests_ != before || (exchange_ != nullptr && exchange_->head_unsent())) {
      continue;
    }
    if (used == 0 || bytes.empty()) {
      break;
    }
  }
  offering_ = false;
  if (state_ == State::open && exchange_ == nullptr) {
    rest();
  }
  return taken;
}

void ClientConnection::pump() {
  if (offering_) {
    return;  // the loop of offer() goes on by itself
  }
  const std::size_t taken = offer(input_.bytes());
  if (state_ != State::open) {
    input_.release();
    return;
  }
  input_.consume(taken);
  if (input_.empty()) {
    input_.release();
  }
  if (full_ && input_.size() < read_ahead_bytes) {
    full_ = false;
    if (!paused_) {
      resume();
    }
  }
  // What is missing of it will never come. Of a head all that is there was offered; of a body some
  // may wait because the backend is slower.
  if (ended_ && exchange_ != nullptr && exchange_->lacks_bytes() &&
      (exchange_->reading_head() || input_.empty())) {
    exchange_->abandon();
  }
}

// Keeps bytes that cannot be used yet: a head that is not complete, a body whose connection is
// being opened, or requests behind the present one.
void ClientConnection::keep(std::string_view rest) {
  const bool head_begins = input_.empty() && exchange_ != nullptr && exchange_->reading_head();
  check(input_.size() + rest.size() <= BlockPool::largest, "one read fits behind what waits");
  if (!context_.blocks.make_room(input_, rest.size())) {
    // What cannot be kept is lost, and nothing behind it would begin where it seems to.
    context_.counters.count(ErrorCode::out_of_memory);
    abort();
    return;
  }
  input_.append(rest);
  if (head_begins) {
    expect_within(service_.options.timeouts.head);  // from its first byte to its last
  }
}

Overload ClientConnection::judge_memory() {
  const Overload now = memory_overload(context_);
  service_.overload = std::max(service_.overload, now);  // the listener takes it back
  return now;
}

void ClientConnection::pause() {
  paused_ = true;
  stream_.pause_reading();
}

void ClientConnection::resume() {
  paused_ = false;
  if (!full_ && !ended_ && state_ == State::open) {
    watched_ = true;
    stream_.start_reading();
  }
}

void ClientConnection::expect_within(Duration limit) {
  if (limit == Duration::zero()) {
    context_.timers.disarm(*this);
  } else {
    context_.timers.arm(*this, context_.now() + limit);
  }
}

void ClientConnection::expect_by(TimePoint due) { context_.timers.arm(*this, due); }

void ClientConnection::on_end() {
  if (service_.options.half_close == HalfClose::serve && exchange_ == nullptr &&
      stream_.pending_bytes() != 0) {
    ended_ = true;  // on_drained goes on
    return;
  }
  if (state_ == State::open && exchange_ != nullptr &&
      service_.options.half_close == HalfClose::serve && !exchange_->reading_head()) {
    ended_ = true;
    pump();
    return;
  }
  if (exchange_ != nullptr) {
    exchange_->abandon();
  } else {
    close();
  }
}

void ClientConnection::on_broken(int) {
  if (exchange_ != nullptr) {
    exchange_->abandon();
  } else {
    close();
  }
}

void ClientConnection::on_drained() {
  if (exchange_ != nullptr) {
    exchange_->on_client_drained();
  } else if (state_ == State::open) {
    pump();
  } else if (ended_) {
    close();
  } else if (state_ == State::lingering) {
    linger();  // it has all of its answer now, and can be told that it is all
  }
}

void ClientConnection::on_connected(int) {}

void ClientConnection::on_deadline(TimePoint) {
  if (!watched_) {
    watch();
    if (exchange_ != nullptr && stream_.pending_bytes() == 0) {
      return;
    }
  }
  if (exchange_ != nullptr) {
    exchange_->on_client_deadline();
    return;
  }
  if (stream_.pending_bytes() == 0 || !takes_enough(untaken_seen_, stream_.untaken_bytes())) {
    close();
  } else if (state_ == State::lingering) {
    linger();
  } else {
    rest();
  }
}

void ClientConnection::end_exchange(After after) {
  Exchange* ended = exchange_;
  check(ended != nullptr && state_ == State::open, "an exchange ends once, and before its client");
  const bool had_body = ended->has_body();
  ended->report();
  exchange_ = nullptr;
  ++requests_;
  context_.exchanges.release(*ended);
  const bool unread = !input_.empty() || stream_.pending_bytes() != 0;
  switch (after) {
    case After::keep:
      if (paused_) {
        resume();
      }
      if (!offering_) {
        pump();
      }
      return;
    case After::close:
      if (unread || (!watched_ && had_body && !stream_.quiet())) {
        linger();
      } else {
        close();
      }
      return;
    case After::linger:
      linger();
      return;
    case After::abort:
      abort();
      return;
  }
}

void ClientConnection::pin(Lease lease, ReturnFacts facts) {
  // To one upstream only: a client that has logged in at another one has to do it again.
  pinned_.retire(Retirement::connection_bound);
  lease.pin(*this, facts);
  pinned_ = std::move(lease);
}

Endpoint* ClientConnection::pinned_endpoint(const Upstream& upstream) const {
  return pinned_ && upstream.has(pinned_->endpoint()) ? &pinned_->endpoint() : nullptr;
}

// The kernel is asked whether anything has come: what has may be read only in a later turn.
Lease ClientConnection::take_pinned(const Upstream& upstream) {
  if (pinned_endpoint(upstream) == nullptr) {
    return {};
  }
  if (!pinned_->stream().quiet()) {
    pinned_.retire(Retirement::connection_bound);
  }
  if (pinned_) {
    pinned_.resume_pinned();
  }
  return std::move(pinned_);
}

// Between two requests.
void ClientConnection::rest() {
  if (stream_.pending_bytes() != 0 && (!context_.draining || !input_.empty())) {
    untaken_seen_ = static_cast<std::uint32_t>(stream_.untaken_bytes());
    expect_within(service_.options.timeouts.write);  // on_drained goes on
  } else if (ended_) {
    close();
  } else if (context_.draining) {
    linger();
  } else {
    expect_within(service_.options.timeouts.idle);
    if (!ListLink<RestingTag>::linked() && requests_ != 0) {
      service_.resting.push_back(*this);
    }
  }
}

void ClientConnection::stop_resting() {
  if (ListLink<RestingTag>::linked()) {
    service_.resting.remove(*this);
  }
}

// An ordinary close: it holds no answer back, and who asks again meanwhile is told by a reset that
// nobody has read its request.
void ClientConnection::shed() {
  stop_resting();
  if (stream_.quiet()) {
    ++context_.counters.clients_shed;
    close();
  }
}

void ClientConnection::linger() {
  stop_resting();
  pinned_.retire(Retirement::connection_bound);
  if (state_ == State::open) {
    state_ = State::lingering;
    watched_ = true;
    stream_.start_reading();
  }
  if (stream_.pending_bytes() == 0) {
    stream_.shut_down();
  }
  untaken_seen_ = static_cast<std::uint32_t>(stream_.untaken_bytes());
  expect_within(stream_.pending_bytes() != 0 ? service_.options.timeouts.write : linger_time);
  if (!offering_) {
    input_.release();
  }
}

// Part of an answer that is still unwritten is lost here, and the client must see that: an ordinary
// end would complete a body that is delimited by it.
void ClientConnection::close() {
  stop_resting();
  pinned_.retire(Retirement::connection_bound);
  state_ = State::closing;
  context_.timers.disarm(*this);
  if (stream_.pending_bytes() != 0) {
    stream_.reset();
  } else {
    stream_.close();
  }
}

void ClientConnection::drain() {
  // Bytes that wait for an answer before them to be taken are a request that was read.
  if (exchange_ != nullptr || state_ != State::open || !input_.empty()) {
    return;
  }
  if (requests_ == 0) {
    expect_within(drain_time);
  } else {
    linger();
  }
}

void ClientConnection::abort() {
  if (exchange_ != nullptr) {
    exchange_->abandon();
    return;
  }
  stop_resting();
  pinned_.retire(Retirement::connection_bound);
  state_ = State::closing;
  context_.timers.disarm(*this);
  stream_.reset();
}

void ClientConnection::on_closed() {
  input_.release();
  owner_.on_client_closed(*this, stream_);
}

}  // namespace holdfast
