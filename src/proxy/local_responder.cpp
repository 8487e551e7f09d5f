#include "proxy/local_responder.h"

#include <array>

#include "base/check.h"
#include "codec/http1/encoder.h"
#include "proxy/exchange.h"

namespace holdfast {

LocalReply::~LocalReply() {
  if (!ended_) {
    responder_.on_gone(*this);
  }
}

void LocalReply::answer(const LocalAnswer& answer) {
  check(!ended_ && unsent_.empty(), "a request is answered once");
  unsent_ = exchange_.local_head(answer, BodyKind::length);
  if (!exchange_.wants_no_body()) {
    unsent_ += answer.body;
  }
  ended_ = true;
  static_cast<void>(flush());  // nobody is left who wants to know
}

LocalReply::Sent LocalReply::begin(const LocalAnswer& first) {
  check(!ended_ && unsent_.empty(), "a request is answered once");
  chunked_ = exchange_.client_knows_chunks();
  bodiless_ = exchange_.wants_no_body();
  unsent_ = exchange_.local_head(first, chunked_ ? BodyKind::chunked : BodyKind::until_close);
  unsent_ += framed(first.body);
  if (bodiless_) {
    ended_ = true;
    responder_.on_gone(*this);
    static_cast<void>(flush());
    return Sent::gone;
  }
  return flush();
}

std::string LocalReply::framed(std::string_view part) const {
  if (bodiless_ || part.empty()) {
    return {};
  }
  if (!chunked_) {
    return std::string(part);
  }
  std::array<char, http1::chunk_line_bytes> line;
  std::string chunk(line.data(), http1::encode_chunk_line(part.size(), line));
  chunk += part;
  return chunk += http1::chunk_end;
}

LocalReply::Sent LocalReply::send(std::string_view part) {
  check(!ended_, "nothing follows the end of a stream");
  if (!unsent_.empty() || exchange_.local_pending()) {
    return Sent::behind;
  }
  unsent_ = framed(part);
  return flush();
}

void LocalReply::end() {
  check(!ended_, "a stream ends once");
  ended_ = true;
  if (chunked_) {
    unsent_ += http1::last_chunk;
  }
  static_cast<void>(flush());
}

void LocalReply::on_drained() { static_cast<void>(flush()); }

// Gives the stream as much as it takes without a queue. Behind the last byte of an ended answer the
// exchange ends, and this object with it.
LocalReply::Sent LocalReply::flush() {
  while (sent_ < unsent_.size() && !exchange_.local_pending()) {
    const std::string_view piece = std::string_view(unsent_).substr(sent_, piece_bytes);
    sent_ += piece.size();
    if (!exchange_.write_local(piece)) {
      return Sent::gone;
    }
  }
  if (sent_ == unsent_.size()) {
    unsent_.clear();
    sent_ = 0;
    if (ended_) {
      exchange_.end_local();
      return Sent::gone;
    }
  }
  return Sent::taken;
}

}  // namespace holdfast
