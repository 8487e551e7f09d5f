#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/block_pool.h"
#include "base/error.h"
#include "base/list.h"
#include "codec/http1/decoder.h"
#include "codec/http1/encoder.h"
#include "pool/waiters.h"
#include "proxy/context.h"
#include "proxy/endpoint.h"
#include "proxy/exchange_record.h"
#include "proxy/local_responder.h"
#include "proxy/options.h"
#include "proxy/outgoing.h"
#include "proxy/replay.h"
#include "proxy/upstream.h"
#include "proxy/upstream_connection.h"

namespace holdfast {

class ClientConnection;
struct OwedTag;

// One request of a client and its answer: the only place that decides. It begins with the first
// byte of a head and ends when the answer is written, refused or given up. Borrowed by its client
// connection from the worker's slab; leases a backend connection for as long as it needs one.
//
// Any call may end the exchange and with it this object; callers look at the result and touch it no
// more.
class Exchange final : public WaiterMember, public ListLink<OwedTag> {
 public:
  Exchange(Context& context, ClientConnection& client, const ListenerOptions& listener);
  Exchange(const Exchange&) = delete;
  Exchange& operator=(const Exchange&) = delete;
  ~Exchange();

  // --- From the client ---
  // Takes what it can use of the bytes and returns how many it is done with; the client keeps the
  // rest and offers it again.
  [[nodiscard]] std::size_t on_request_bytes(std::string_view bytes);
  // The client took what was pending.
  void on_client_drained();
  // The client's time is over: it has not sent, or not read, for too long.
  void on_client_deadline();
  // The client has gone. The exchange ends without a word.
  void abandon();

  // --- From the endpoint ---
  void on_lease(Lease lease);
  // The server whose connection it waited for is not one of the upstream's any more.
  void on_server_removed();
  // --- From the upstream ---
  // It waited for one, and now there is a server.
  void on_server_known();

  // --- From the backend connection ---
  struct Taken {
    std::size_t consumed = 0;
    bool settled = false;  // the exchange is over: neither it nor the connection may be touched
  };
  [[nodiscard]] Taken on_answer_bytes(http1::ResponseDecoder& decoder, std::string_view bytes);
  void on_answer_end(http1::ResponseDecoder& decoder);
  void on_upstream_broken(int system);
  // The client has taken what there was of its answer.
  [[nodiscard]] bool takes_answer() const;
  // The backend takes no more of the request; what it has said counts.
  void stop_upload() { upload_stopped_ = true; }
  void on_spoke_unasked();
  void on_upstream_drained();
  void on_upstream_deadline();

  // --- From its reply, where this process answers itself ---
  [[nodiscard]] bool wants_no_body() const { return method_ == http1::Method::head; }
  [[nodiscard]] bool client_knows_chunks() const { return client_http11_; }
  [[nodiscard]] std::string local_head(const LocalAnswer& answer, BodyKind body);
  [[nodiscard]] bool local_pending() const;
  [[nodiscard]] bool write_local(std::string_view bytes);
  void end_local();

  // Ends the exchange, or its present attempt, for a reason: the only place that chooses between a
  // replay, an answer of our own and an abort.
  void fail(Error error);

  // A connection was leased and its request has not begun to be sent: on_request_bytes is to be
  // called, with bytes or without.
  [[nodiscard]] bool head_unsent() const { return head_unsent_; }
  // It was sent once more, or is about to be.
  [[nodiscard]] bool replayed() const { return replayed_; }
  // It has met a stale connection and may only be sent over one that nobody has used.
  [[nodiscard]] bool needs_fresh_connection() const { return replayed_; }
  // It would be sent once more if its connection turned out to be stale.
  [[nodiscard]] bool may_meet_stale() const;
  // The client keeps its connection after this exchange, as far as is known now.
  [[nodiscard]] bool keeps_client() const { return client_keeps_; }
  // The kernel has taken no byte of the request yet: no byte can be an answer to it.
  [[nodiscard]] bool unasked() const {
    return !anything_sent_ ||
           (untaken_ && lease_->stream().pending_bytes() == upstream_pending_seen_);
  }
  // It was sent to this endpoint, or may yet ask for it.
  [[nodiscard]] bool uses(const Endpoint& endpoint) const { return endpoint_ == &endpoint; }
  // Nothing more is read of this request.
  [[nodiscard]] bool request_complete() const { return request_state_ == RequestState::sent; }
  // A head has begun and is not complete.
  [[nodiscard]] bool reading_head() const { return request_state_ == RequestState::head; }
  [[nodiscard]] bool has_body() const { return body_ != BodyKind::none; }
  // More of the request's body is read as it comes.
  [[nodiscard]] bool reading_body() const {
    return request_state_ == RequestState::buffering || request_state_ == RequestState::sending;
  }
  // The request cannot go on with the bytes it was offered: its end has not been among them.
  [[nodiscard]] bool lacks_bytes() const {
    return reading_head() || (reading_body() && !request_.complete());
  }

  // All is over: what became of the request is told. Called once, by the client connection.
  void report();

 private:
  enum class RequestState : std::uint8_t {
    head,       // not complete yet
    buffering,  // a chunked body is collected, to be sent with a length
    waiting,    // for a connection
    sending,    // over the leased connection
    sent,       // all of it was given to the stream
  };

  // The way of a request.
  std::size_t read_head(std::string_view bytes);
  std::size_t answer_here(LocalResponder& responder, const http1::RequestHead& head);
  std::size_t refuse_unrouted(std::string_view behind, Error error);
  [[nodiscard]] bool note(const http1::RequestHead& head, std::string_view raw);
  void keep_refused(std::string_view bytes);
  std::size_t buffer(std::string_view bytes);
  [[nodiscard]] Lease find_connection();
  void obtain_connection();
  void queue();
  void wait_for_server();
  void take(Lease lease);
  std::size_t begin_sending(const http1::RequestHead& head, std::string_view bytes);
  std::size_t begin_again(std::string_view bytes);
  std::size_t send(Outgoing& out, std::string_view bytes);
  std::size_t send_more(std::string_view bytes);
  [[nodiscard]] bool flush_request(Outgoing& out, Outgoing::Last last,
                                   const http1::RequestDecoder* before);
  [[nodiscard]] bool send_buffered();
  void request_was_sent();
  void note_pending(std::size_t given_bytes);
  [[nodiscard]] bool may_keep_body() const;
  void keep_body(std::string_view span);
  void forget_body();
  [[nodiscard]] bool may_send_chunks() const;
  void invite_body(std::string_view already_there);
  void begin_body();
  void collect_body();
  void expect_body(std::size_t moved);
  struct PlanRoom {
    char address[IpAddress::max_text];
    char request_id[RequestId::text_bytes];
  };
  [[nodiscard]] http1::RequestPlan plan_request(const http1::RequestHead& head,
                                                PlanRoom& room) const;
  void name_request(const http1::RequestHead& head);
  [[nodiscard]] std::string_view request_id(char* room) const;

  // The way of an answer.
  bool begin_answer(const http1::ResponseHead& head, Outgoing& out);
  bool relay_interim(const http1::ResponseHead& head);
  bool flush_answer(Outgoing& out, Outgoing::Last last);
  void end_answer(http1::ResponseDecoder& decoder, bool bytes_left_over);
  [[nodiscard]] Retirement fault_of(const http1::ResponseDecoder& decoder, bool left_over) const;
  [[nodiscard]] bool client_may_stay() const;

  // The ways of failure.
  [[nodiscard]] bool is_silence(ErrorCode code) const;
  [[nodiscard]] bool try_replay(Error error);
  [[nodiscard]] bool may_replay(FailurePoint point);
  [[nodiscard]] bool another_serves() const;
  void go_elsewhere();
  void replay();
  void answer_locally(const ErrorRow& row);
  void leave_upstream(Retirement reason);
  [[nodiscard]] bool may_salvage() const;
  void end_waiting();

  // The backend may have understood our bytes otherwise than we meant them.
  static constexpr int status_bad_request = 400;
  static constexpr int status_request_timeout = 408;

  Context& context_;
  ClientConnection& client_;
  const ListenerOptions& listener_;
  Upstream* upstream_ = nullptr;  // chosen with the head
  Endpoint* endpoint_ = nullptr;  // likewise; null while no server is known
  Lease lease_;
  http1::RequestDecoder request_;
  Block raw_head_;  // as it arrived; kept for a replay and an answer of our own, or for the log
  std::vector<Block> buffered_;  // a body collected for a length, or on the way out
  Block kept_body_;              // what has gone out of a body, while keeps_body_
  std::uint64_t buffered_bytes_ = 0;
  std::size_t upstream_pending_seen_ = 0;  // likewise for the backend's
  std::size_t untaken_seen_ = 0;       // what the client had not taken when its deadline was set
  std::unique_ptr<LocalReply> local_;  // where this process answers itself
  RequestId request_id_;   // made for it; if it is not, the request has its client's or none
  ExchangeRecord record_;  // the rest of it is known only when it is told
  TimePoint queued_{};     // since when it waits for a connection, if it does
  TimePoint body_due_{};   // until then its body has paid for: each byte buys time
  std::size_t servers_tried_ = 0;

  RequestState request_state_ = RequestState::head;
  http1::Method method_ = http1::Method::other;
  BodyKind body_ = BodyKind::none;             // of the request, as it came
  BodyKind request_framing_ = BodyKind::none;  // of the request, as it goes
  BodyKind answer_framing_ = BodyKind::none;
  int status_ = 0;
  std::uint8_t interim_answers_ = 0;
  bool client_http11_ = false;
  bool client_keeps_ = false;    // the client keeps its connection after the answer
  bool client_may_ask_ = false;  // the client wants to: it may ask again before it hears of a close
  bool expects_continue_ = false;  // and has not been told yet
  // NTLM or Negotiate was seen, now or before on this connection: it is this client's only.
  bool bound_ = false;
  bool head_unsent_ = false;    // a connection is leased, nothing was written yet
  bool anything_sent_ = false;  // on the present connection
  bool untaken_ = false;        // all of it was pending when upstream_pending_seen_ was set
  bool reused_ = false;         // the present connection had served before, and not this client
  bool replayed_ = false;
  bool keeps_body_ = false;  // all of the body so far is there, should it have to go out once more
  bool answer_begun_ = false;    // a byte of the answer has arrived
  bool answer_relayed_ = false;  // a byte of it went to the client
  bool upload_stopped_ = false;  // the backend takes no more of the request
};

}  // namespace holdfast
