#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "codec/http1/head.h"

namespace holdfast {

class Exchange;
class LocalResponder;

// An answer of this process itself. `fields` are further fields, each with its CRLF.
struct LocalAnswer {
  int status = 200;
  std::string_view type = "text/plain; charset=utf-8";
  std::string fields{};
  std::string body{};
};

// The answer that is owed to one request, now or in a later turn: a whole one, or a stream that
// goes on until it is ended. Owned by the exchange. Whatever ends the exchange takes it away, and
// the responder is told unless it ended the reply itself.
class LocalReply final {
 public:
  // What became of a part of a stream.
  enum class Sent : std::uint8_t {
    taken,
    behind,  // nothing of it: the client has not taken what went before
    gone,    // the client, and this reply with it
  };

  LocalReply(Exchange& exchange, LocalResponder& responder)
      : exchange_(exchange), responder_(responder) {}
  LocalReply(const LocalReply&) = delete;
  LocalReply& operator=(const LocalReply&) = delete;
  ~LocalReply();

  // The whole answer. The reply may be gone when this returns and is not the responder's any more.
  void answer(const LocalAnswer& answer);

  // Begins a stream with the head of `first`, and its body as the first part.
  [[nodiscard]] Sent begin(const LocalAnswer& first);
  [[nodiscard]] Sent send(std::string_view part);
  // The stream is complete. As with answer(), the reply is not the responder's any more.
  void end();

  // From the exchange: the client has taken what it had been given.
  void on_drained();

 private:
  // Given to the stream at a time: what the kernel refuses of it is copied there.
  static constexpr std::size_t piece_bytes = 64 * 1024;

  [[nodiscard]] std::string framed(std::string_view part) const;
  [[nodiscard]] Sent flush();

  Exchange& exchange_;
  LocalResponder& responder_;
  std::string unsent_;  // of what was answered, from sent_ on
  std::size_t sent_ = 0;
  bool chunked_ = false;   // a stream to a client that knows chunks
  bool bodiless_ = false;  // the answer to HEAD
  bool ended_ = false;     // nothing is added to unsent_ any more
};

// Who answers the requests of a listener that has no upstream. Lives on the listener's loop.
class LocalResponder {
 public:
  // A request has come: its answer is owed through `reply`. The head is valid during the call.
  virtual void respond(const http1::RequestHead& request, LocalReply& reply) = 0;
  // A reply that was not ended is going away: its client has left.
  virtual void on_gone(LocalReply& reply) = 0;

 protected:
  ~LocalResponder() = default;
};

}  // namespace holdfast
