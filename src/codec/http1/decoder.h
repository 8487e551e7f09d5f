#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "base/result.h"
#include "codec/codec.h"
#include "codec/http1/framing.h"
#include "codec/http1/head.h"
#include "codec/http1/message_body.h"
#include "codec/http1/raw_scan.h"

namespace holdfast::http1 {

// Both decoders: bytes in, steps out; no socket, no clock, no allocation.
//
//   while (true) {
//     const Step step = decoder.next(bytes);
//     bytes.remove_prefix(step.consumed);
//     ...act on step.kind...
//   }
//
// A head is looked at only when it is complete: it is scanned raw, split by llhttp, held against
// our own grammar, and its framing is decided, all before a `head` step is given. So nothing of a
// head that is refused has been seen by anybody. An incomplete head consumes nothing; the caller
// gives the same bytes again with more behind them (the decoder remembers how far it has looked).
// Bytes before the head that are allowed and mean nothing (at most two CRLF before a request) are
// consumed.
//
// What can already be told from an incomplete head that can come to nothing is told at once: a byte
// that may not stand there, a start line that is refused, a size over its limit. However the bytes
// are cut, the steps say the same.
//
// After `end` or `error` the decoder stays there until reset().

// Decodes the requests of one client connection, one after the other.
class RequestDecoder {
 public:
  // `table` and `limits` are borrowed. max_body: bytes of a body, 0 = no limit.
  RequestDecoder(FieldTable& table, const HeadLimits& limits, std::uint64_t max_body);

  [[nodiscard]] Step next(std::string_view bytes);

  // Valid from the `head` step until the bytes of the head go away.
  [[nodiscard]] const RequestHead& head() const { return head_; }

  // The method, known from the start line on, also where the rest of the head is refused.
  [[nodiscard]] Method method() const { return head_.method; }

  // The message is complete: `end` was given.
  [[nodiscard]] bool complete() const { return state_ == State::complete; }

  // Ready for the next request.
  void reset();

 private:
  enum class State : std::uint8_t { head, body, complete, failed };

  [[nodiscard]] Step next_head(std::string_view bytes);
  [[nodiscard]] Result<void> read_head(std::string_view head);
  [[nodiscard]] Result<void> judge_start_line(std::string_view bytes);
  [[nodiscard]] Step fail(ErrorCode error);

  FieldTable* table_;
  const HeadLimits* limits_;
  std::uint64_t max_body_;
  RequestHead head_;
  MessageBody body_;
  HeadScan scan_;
  State state_ = State::head;
  std::uint8_t empty_lines_ = 0;  // skipped before this request
  ErrorCode error_{};             // valid in State::failed
};

// Decodes the answers of one backend connection.
class ResponseDecoder {
 public:
  ResponseDecoder(FieldTable& table, const HeadLimits& limits);

  // Says which request the next answer is for: its framing depends on the method (RFC 9112 6.3).
  void expect(Method method) { method_ = method; }

  // An interim answer (1xx but 101) is given as `head` with its status; the decoder then goes on to
  // the next head by itself, and `head().status` tells them apart.
  [[nodiscard]] Step next(std::string_view bytes);

  // The backend has sent end of stream: `end` if that completes the answer (until_close),
  // else `error` (response_incomplete, or upstream_closed before the first byte of an answer).
  [[nodiscard]] Step finish();

  [[nodiscard]] const ResponseHead& head() const { return head_; }
  [[nodiscard]] bool complete() const { return state_ == State::complete; }

  // After `end`: the answer's own bytes leave no doubt that another request may follow on the
  // connection: keep_alive, and ended by length, last chunk or no body.
  [[nodiscard]] bool continues() const;
  // The same, and the request may be anybody's: not connection_bound.
  [[nodiscard]] bool reusable() const { return continues() && !head_.connection_bound; }

  // Ready for the next answer; expect() says to which method.
  void reset();

 private:
  enum class State : std::uint8_t { head, body, complete, failed };

  [[nodiscard]] Step next_head(std::string_view bytes);
  [[nodiscard]] Result<Framing> read_head(std::string_view head);
  [[nodiscard]] Step start_answer(const Framing& framing);
  [[nodiscard]] Step fail(ErrorCode error);

  FieldTable* table_;
  const HeadLimits* limits_;
  ResponseHead head_;
  MessageBody body_;
  HeadScan scan_;
  State state_ = State::head;
  Method method_ = Method::get;
  bool begun_ = false;     // a byte of an answer has come since reset()
  bool doubtful_ = false;  // see Framing::doubtful
  ErrorCode error_{};      // valid in State::failed
};

}  // namespace holdfast::http1
