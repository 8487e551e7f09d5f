#include "codec/http1/chunked_body.h"

#include "base/check.h"

namespace holdfast::http1 {
namespace {

// A head that brings llhttp to the state in which the first chunk size is due. No byte of any
// sender is in it, so nothing that a sender wrote there can colour how its chunks are read.
constexpr std::string_view priming_head = "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n";

// Where one call of llhttp stopped.
struct ChunkPass {
  std::string_view payload;
  bool complete = false;
};

int on_payload(llhttp_t* parser, const char* at, std::size_t size) {
  if (size == 0) {
    return HPE_OK;
  }
  static_cast<ChunkPass*>(parser->data)->payload = {at, size};
  return HPE_PAUSED;
}

int on_complete(llhttp_t* parser) {
  static_cast<ChunkPass*>(parser->data)->complete = true;
  return HPE_PAUSED;
}

constexpr llhttp_settings_t chunk_settings = [] {
  llhttp_settings_t made{};
  made.on_body = on_payload;
  made.on_message_complete = on_complete;
  return made;
}();

Step error_step(ErrorCode code) { return {.kind = StepKind::error, .error = code}; }

}  // namespace

void ChunkedBody::start(ChunkedFrom from) {
  llhttp_init(&parser_, HTTP_REQUEST, &chunk_settings);
  const llhttp_errno_t primed = llhttp_execute(&parser_, priming_head.data(), priming_head.size());
  check(primed == HPE_OK, "llhttp refuses a plain chunked head");
  grammar_ = ChunkGrammar(from);
}

Step ChunkedBody::next(std::string_view bytes, std::uint64_t max_body, ErrorCode malformed) {
  if (bytes.empty()) {
    return {};
  }
  ChunkPass pass;
  parser_.data = &pass;
  const llhttp_errno_t stop = llhttp_execute(&parser_, bytes.data(), bytes.size());
  parser_.data = nullptr;
  if (stop != HPE_OK && stop != HPE_PAUSED) {
    return error_step(malformed);
  }
  // llhttp stops after the last byte of a run of payload, after the line that ends the message, or
  // at the end of the input.
  const char* stopped_at =
      stop == HPE_PAUSED ? llhttp_get_error_pos(&parser_) : bytes.data() + bytes.size();
  const auto consumed = static_cast<std::size_t>(stopped_at - bytes.data());
  llhttp_resume(&parser_);
  const std::size_t framing = consumed - pass.payload.size();
  if (!grammar_.take_framing(bytes.substr(0, framing))) {
    return error_step(malformed);
  }
  if (max_body > 0 && grammar_.announced() > max_body) {
    return error_step(ErrorCode::body_too_large);
  }
  if (grammar_.complete() != pass.complete) {
    return error_step(malformed);
  }
  if (pass.complete) {
    return {.kind = StepKind::end, .consumed = consumed};
  }
  if (pass.payload.empty()) {
    return {.kind = StepKind::need_more, .consumed = consumed};
  }
  if (pass.payload.data() != bytes.data() + framing ||
      !grammar_.take_payload(pass.payload.size())) {
    return error_step(malformed);
  }
  return {.kind = StepKind::body, .consumed = consumed, .body = pass.payload};
}

}  // namespace holdfast::http1
