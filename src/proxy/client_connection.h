#pragma once

#include <algorithm>
#include <cstdint>
#include <string_view>

#include "base/block_pool.h"
#include "base/error.h"
#include "base/list.h"
#include "base/timer_wheel.h"
#include "net/address.h"
#include "net/stream.h"
#include "proxy/context.h"
#include "proxy/local_responder.h"
#include "proxy/options.h"
#include "proxy/overload.h"
#include "proxy/request_counts.h"
#include "proxy/routes.h"
#include "proxy/upstream.h"
#include "proxy/upstream_connection.h"

namespace holdfast {

// What becomes of a client's connection when an exchange is over.
enum class After : std::uint8_t {
  keep,    // the next request may come
  close,   // all is said
  linger,  // as close, but the client may still be sending: read on for a while, or our close would
           // become a reset that eats the answer (RFC 9112 section 9.6)
  abort,   // a reset: the client must see that its answer is not whole
};

struct RestingTag;

// What the clients of one listener are served by, in one worker: its options and what follows from
// them, and what is known of the crowd.
struct Service {
  Service(const ListenerOptions& listener, std::span<Upstream* const> upstreams)
      : options(listener),
        routes(listener, upstreams),
        head_limits{.head_bytes = listener.limits.head,
                    .target_bytes = listener.limits.target,
                    .fields = listener.limits.fields},
        least_taken(std::max<std::uint64_t>(
            1, listener.limits.write_rate *
                   static_cast<std::uint64_t>(listener.timeouts.write / 1ms) / 1000)) {}

  const ListenerOptions& options;
  Routes routes;
  http1::HeadLimits head_limits;
  std::uint64_t least_taken;  // bytes of its answer that a client takes within timeouts.write
  LocalResponder* responder = nullptr;  // answers here, and no upstream does, if set
  std::size_t clients = 0;              // at present
  std::uint64_t clients_opened = 0;     // ever
  RequestCounts requests;
  Overload overload = Overload::none;
  List<ClientConnection, RestingTag> resting;  // between two requests, the longest first
};

// Who hears that a client connection is gone.
class ClientOwner {
 public:
  virtual void on_client_closed(ClientConnection& client, Stream& stream) = 0;

 protected:
  ~ClientOwner() = default;
};

// One connection of a client: a stream, the bytes that wait their turn, and, from a request's first
// byte to the end of its answer, an exchange. Serves the requests strictly in order. Lives in the
// worker's slab until on_closed. While idle it holds no block and no exchange.
class ClientConnection final : public ListLink<RestingTag>, private StreamEvents, private Timer {
 public:
  ClientConnection(Context& context, ClientOwner& owner, Service& service);
  ClientConnection(const ClientConnection&) = delete;
  ClientConnection& operator=(const ClientConnection&) = delete;
  ~ClientConnection();

  // The stream is connected: serve it.
  void start(const IpAddress& address);

  // Nothing more than what is under way: closes at once if that is nothing.
  void drain();
  // Ends it now, whatever is under way.
  void abort();
  // Closes a client that rests, for others to have its place; not so if its next request is here.
  void shed();

  // --- From the exchange ---
  [[nodiscard]] Stream& stream() { return stream_; }
  [[nodiscard]] const IpAddress& address() const { return address_; }
  [[nodiscard]] const http1::HeadLimits& head_limits() const { return service_.head_limits; }
  [[nodiscard]] LocalResponder* responder() const { return service_.responder; }
  [[nodiscard]] const Routes& routes() const { return service_.routes; }
  [[nodiscard]] std::uint64_t requests() const { return requests_; }
  // One of its requests has ended.
  void count(const ExchangeRecord& record) { service_.requests.count(record); }
  // There are more clients than can be kept while they rest.
  [[nodiscard]] bool crowded() const { return service_.overload != Overload::none; }
  // There is no memory for one more request.
  [[nodiscard]] bool must_refuse() {
    return context_.memory_limit != 0 && judge_memory() >= Overload::refuse;
  }
  // How much less than `before` the client has still to take, if it is enough to go on.
  [[nodiscard]] bool takes_enough(std::size_t before, std::size_t now) const {
    return before >= now + service_.least_taken;
  }
  // The exchange can take bytes again, or for the first time.
  void pump();
  // Reads no more for now: the other side is slower. And goes on.
  void pause();
  void resume();
  void expect_within(Duration limit);
  void expect_by(TimePoint due);
  // Keeps the connection that was leased for an exchange which is over, for this client's next
  // requests only: somebody has logged in over it (NTLM, Negotiate).
  void pin(Lease lease, ReturnFacts facts);
  // The endpoint of the pinned connection, or null if there is none to this upstream.
  [[nodiscard]] Endpoint* pinned_endpoint(const Upstream& upstream) const;
  // The pinned connection, leased again; empty if there is none to this upstream, or it is not
  // sound any more.
  [[nodiscard]] Lease take_pinned(const Upstream& upstream);
  // The pinned connection is being retired.
  void forget_pinned() { pinned_.forget(); }
  // The exchange is over; the client releases it.
  void end_exchange(After after);

 private:
  // How much is read from a client that may still be sending when all is said, and how long it may
  // take to read that.
  static constexpr std::size_t linger_bytes = 64 * 1024;
  static constexpr Duration linger_time = 2s;
  // How long a client that has not asked for anything yet may still do so while we drain.
  static constexpr Duration drain_time = 1s;
  // How long an answer may take before a client that will be closed after it is watched for
  // leaving.
  static constexpr Duration unwatched_time = 20ms;

  enum class State : std::uint8_t { open, lingering, closing };

  void on_bytes(std::string_view bytes) override;
  void on_end() override;
  void on_broken(int system) override;
  void on_drained() override;
  void on_connected(int system) override;
  void on_closed() override;
  void on_deadline(TimePoint now) override;

  [[nodiscard]] std::size_t offer(std::string_view bytes);
  void keep(std::string_view rest);
  [[nodiscard]] Overload judge_memory();
  void watch();
  void rest();
  void stop_resting();
  void close();
  void linger();

  Context& context_;
  ClientOwner& owner_;
  Service& service_;
  Stream& stream_;
  Exchange* exchange_ = nullptr;
  Lease pinned_;  // between two exchanges; closed with this connection
  Block input_;  // bytes that wait: a head that is not complete, or requests behind the present one
  std::uint64_t requests_ = 0;
  std::uint32_t lingered_bytes_ = 0;
  std::uint32_t untaken_seen_ = 0;  // what the client had not taken when we last looked
  IpAddress address_;
  State state_ = State::open;
  bool offering_ = false;  // a call of offer() is on the stack
  bool paused_ = false;    // by the exchange: its backend is slower
  bool full_ = false;      // paused by ourselves: the block of waiting bytes is full
  bool watched_ = false;   // the loop reads it; not so while a short client's answer is on its way
  bool ended_ = false;     // the client has sent end of stream and still gets its answer
};

}  // namespace holdfast
