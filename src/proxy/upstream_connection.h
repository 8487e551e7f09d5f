#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "base/block_pool.h"
#include "base/check.h"
#include "base/list.h"
#include "base/timer_wheel.h"
#include "codec/http1/decoder.h"
#include "net/stream.h"
#include "pool/pool.h"
#include "ports/port_ledger.h"
#include "proxy/context.h"
#include "proxy/tally.h"

namespace holdfast {

class Endpoint;
struct OwedTag;

// One connection to a backend: a stream, the decoder of its answers, and the exchanges it owes
// answers to, in order (at most one for now). Lives in the worker's slab from the attempt to
// on_closed. Its place in the pool says whether it is connecting, leased, idle or leaving; it acts
// on events, the endpoint decides.
class UpstreamConnection final : public PoolMember, private StreamEvents, private Timer {
 public:
  UpstreamConnection(Context& context, Endpoint& endpoint);
  UpstreamConnection(const UpstreamConnection&) = delete;
  UpstreamConnection& operator=(const UpstreamConnection&) = delete;
  ~UpstreamConnection();

  // Starts the attempt. Returns an errno value; the connection must be closed then too.
  [[nodiscard]] int connect(const SocketAddress& to, const ConnectFrom& from);
  // Takes over a descriptor from another worker. Returns an errno value likewise.
  [[nodiscard]] int adopt(const MovedConnection& moved);

  // The exchange's request goes over this connection next, its answer comes back to it.
  void owe(Exchange& exchange, http1::Method method);
  // The exchange has its whole answer; there were bytes behind it, or not.
  void answered(Exchange& exchange, bool bytes_left_over);
  // The exchange does not want its answer any more; the connection is to be retired.
  void disown(Exchange& exchange);
  // Nobody wants the rest of the answer that it owed, but so little is missing that it is read and
  // dropped, which keeps the connection. `seen_bytes` of the body have come already. False: it is
  // not worth that. What has arrived and was not read yet goes to swallow() in the same turn.
  [[nodiscard]] bool swallow_rest(std::uint64_t seen_bytes);
  [[nodiscard]] bool swallowing() const { return swallowing_; }
  // A part of a request was sent and the rest will never be: the backend is to see that.
  void cut_request() { request_cut_ = true; }

  [[nodiscard]] Stream& stream() { return stream_; }
  [[nodiscard]] Endpoint& endpoint() { return endpoint_; }
  // Where it comes from: its place in SharedEndpoint::sources. Kept when it moves.
  [[nodiscard]] std::size_t source() const { return source_; }
  void set_source(std::size_t source) { source_ = static_cast<std::uint8_t>(source); }
  // What its close leaves to its port.
  [[nodiscard]] PortAfter port_after() const {
    const bool pays = was_open() && closer() == Closer::holdfast && ending_ == Ending::fin;
    return pays ? PortAfter::in_time_wait : PortAfter::is_free;
  }
  // Its own in this process, kept when it moves to another worker.
  [[nodiscard]] std::uint64_t number() const { return number_; }
  // When the attempt began.
  [[nodiscard]] TimePoint attempted_at() const { return attempted_; }
  // How long it took to open.
  [[nodiscard]] Duration connect_time() const { return connect_time_; }

  // It is this client's from now on, until it is retired: somebody has logged in over it.
  void pin_to(ClientConnection& client);
  [[nodiscard]] bool bound() const { return pinned_to_ != nullptr; }
  // Its client has it no longer; it is to be retired.
  void leave_client();

  // The connection has nothing to do until `deadline`, when the endpoint is asked.
  void rest(TimePoint deadline);
  // The turn of the loop in which rest() was called last.
  [[nodiscard]] std::uint64_t rested_in() const { return rested_in_; }
  // Nothing was left in the kernel when its last answer ended.
  [[nodiscard]] bool rested_drained() const { return rested_drained_; }
  // The exchange is told when nothing has come for so long; 0 is for ever.
  void expect_within(Duration limit);

  // Ends the process, with this connection's history, if the books about it are wrong: a leased one
  // owes one answer, an idle one owes nothing and has nothing unsent or unread.
  void verify() const;
  // For people: its state and its last events.
  [[nodiscard]] std::string history() const;

  // Closes now: by an end of stream, or by a reset if that is wanted and nothing can be lost by it,
  // or if the backend must not take what it has for the whole.
  void close(Ending wanted);
  // Waits for the backend to close first, so that the TIME_WAIT is not ours; closes when it has not
  // within `grace`.
  void close_second(Duration grace);
  // Gives up the descriptor to another worker. -1 if that failed. Closes in any case.
  [[nodiscard]] int detach();
  // Why it is closed: the first reason counts.
  void note_retired(Retirement reason) {
    retired_for_ = retired_for_ == Retirement::none ? reason : retired_for_;
  }
  [[nodiscard]] Retirement retired_for() const { return retired_for_; }
  // Who closed first, as far as can be known.
  [[nodiscard]] Closer closer() const {
    return end_ != End::none || retired_for_ == Retirement::stale ? Closer::backend
                                                                  : Closer::holdfast;
  }
  [[nodiscard]] Ending ending() const { return ending_; }
  // The backend has ended it.
  [[nodiscard]] bool ended() const { return end_ != End::none; }
  // The request that it is leased for is its last one, and is to say so.
  [[nodiscard]] bool announces_last() const;
  // It was a connection once, and not only an attempt.
  [[nodiscard]] bool was_open() const { return use().opened_at != TimePoint{}; }
  // The connection lives on in another worker, and its permit with it.
  [[nodiscard]] bool moved() const { return moved_; }

 private:
  // What has happened to it, for its history.
  enum class Event : std::uint8_t {
    none,
    connecting,
    connected,
    adopted,
    leased,
    answered,
    disowned,
    parked,
    spoke_unasked,
    ended,
    broken,
    closed,
  };

  void on_bytes(std::string_view bytes) override;
  void on_end() override;
  void on_broken(int system) override;
  void on_drained() override;
  void on_connected(int system) override;
  void on_closed() override;
  void on_deadline(TimePoint now) override;

  // What the backend has sent at the end, before we closed.
  enum class End : std::uint8_t { none, fin, reset };

  [[nodiscard]] bool clean() const;
  void swallow(std::string_view bytes);
  void end_swallowed(Retirement fault);
  [[nodiscard]] bool keep(std::string_view rest, std::string_view arrived);
  void note(Event event) { events_ = (events_ << 8) | static_cast<std::uint64_t>(event); }
  void require(bool holds, const char* claim, const CodePlace& place = CodePlace::current()) const {
    check_about(
        holds, claim, [this] { return history(); }, place);
  }
  void verify_parked() const;
  void arm(TimePoint deadline);

  Context& context_;
  Endpoint& endpoint_;
  Stream& stream_;
  http1::ResponseDecoder decoder_;
  Block input_;  // an answer's head that is not complete yet
  List<Exchange, OwedTag> owed_;
  ClientConnection* pinned_to_ = nullptr;  // once set, nobody else may ever use the connection
  std::uint64_t number_;
  TimePoint attempted_{};
  Duration connect_time_{};
  bool rested_drained_ = false;
  std::uint8_t source_ = 0;
  std::uint64_t rested_in_ = 0;
  std::uint64_t events_ = 0;  // the last eight, one a byte, the newest in the lowest
  bool clean_ = true;         // every answer was read to its end, and nothing stood behind it
  bool moved_ = false;
  End end_ = End::none;
  Ending ending_ = Ending::fin;
  Retirement retired_for_ = Retirement::none;
  bool request_cut_ = false;
  bool swallowing_ = false;  // leased by nobody, until the answer's end
  std::uint32_t swallowed_bytes_ = 0;
};

// The exclusive use of a backend connection by one exchange. Move-only. Dropped without settle() or
// retire() it retires the connection: what is not known to be sound is not shared.
class Lease {
 public:
  Lease() = default;
  explicit Lease(UpstreamConnection& connection) : connection_(&connection) {}
  Lease(Lease&& other) noexcept : connection_(std::exchange(other.connection_, nullptr)) {}
  Lease& operator=(Lease&& other) noexcept {
    retire(Retirement::client_left);
    connection_ = std::exchange(other.connection_, nullptr);
    return *this;
  }
  ~Lease() { retire(Retirement::client_left); }

  [[nodiscard]] explicit operator bool() const { return connection_ != nullptr; }
  UpstreamConnection* operator->() const { return connection_; }
  UpstreamConnection& operator*() const { return *connection_; }

  // The exchange is over, but somebody has logged in over the connection: it stays with the client,
  // out of everybody else's reach. The lease is empty afterwards if it was retired instead.
  void pin(ClientConnection& client, ReturnFacts facts);
  // The next exchange of that client uses it.
  void resume_pinned();
  // Forgets the connection, which is being retired by another way.
  void forget() { connection_ = nullptr; }
  // The exchange is over: the endpoint judges whether the connection is used again. Why not, or
  // none.
  Retirement settle(ReturnFacts facts);
  // The connection comes back by itself, once the rest of the answer has come.
  void leave_swallowing() { connection_ = nullptr; }
  // The connection must not be used again. Does nothing if the lease has ended already.
  void retire(Retirement reason);

 private:
  UpstreamConnection* connection_ = nullptr;
};

}  // namespace holdfast
