#include "codec/http1/decoder.h"

#include <algorithm>

#include "codec/http1/head_facts.h"
#include "codec/http1/head_split.h"
#include "codec/http1/hop_by_hop.h"
#include "codec/http1/refusal.h"
#include "codec/http1/start_line.h"
#include "codec/http1/target.h"

namespace holdfast::http1 {
namespace {

// How many CRLF may stand before a request line: old clients send one behind a body that they do
// not count (RFC 9112 section 2.2).
constexpr int max_empty_lines = 2;

constexpr int switching_protocols = 101;

// As many fields as one head may have.
std::span<Field> room_for_fields(FieldTable& table, const HeadLimits& limits) {
  return std::span(table.fields).first(std::min(limits.fields, max_fields));
}

}  // namespace

RequestDecoder::RequestDecoder(FieldTable& table, const HeadLimits& limits, std::uint64_t max_body)
    : table_(&table), limits_(&limits), max_body_(max_body) {}

void RequestDecoder::reset() {
  scan_ = {};
  state_ = State::head;
  empty_lines_ = 0;
  head_.method = Method::other;
}

Step RequestDecoder::fail(ErrorCode error) {
  state_ = State::failed;
  error_ = error;
  return {.kind = StepKind::error, .error = error};
}

Step RequestDecoder::next(std::string_view bytes) {
  switch (state_) {
    case State::head: {
      std::size_t skipped = 0;
      while (scan_.position() == 0 && empty_lines_ < max_empty_lines &&
             bytes.substr(skipped).starts_with("\r\n")) {
        skipped += 2;
        ++empty_lines_;
      }
      Step step = next_head(bytes.substr(skipped));
      step.consumed += skipped;
      return step;
    }
    case State::body: {
      const Step step = body_.next(bytes, max_body_, ErrorCode::malformed_request);
      if (step.kind == StepKind::end) {
        state_ = State::complete;
      }
      return step.kind == StepKind::error ? fail(step.error) : step;
    }
    case State::complete:
      return {.kind = StepKind::end};
    case State::failed:
      return {.kind = StepKind::error, .error = error_};
  }
  return {};
}

// The verdict must not depend on how the bytes are cut. So what has come of the start line is
// judged before anything that stands behind it, and once only when it is whole.
Step RequestDecoder::next_head(std::string_view bytes) {
  const std::string_view allowed = bytes.substr(0, limits_->head_bytes);
  const bool start_line_is_judged = scan_.start_line_bytes() > 0;
  const HeadScan::Found found = scan_.next(allowed);
  if (found == HeadScan::Found::end) {
    if (const Result<void> read = read_head(bytes.substr(0, scan_.position())); !read) {
      return fail(read.error().code);
    }
    state_ = State::body;
    body_.start(head_.body, head_.content_length, ChunkedFrom::client);
    return {.kind = StepKind::head, .consumed = scan_.position()};
  }
  if (!start_line_is_judged) {
    if (const Result<void> judged = judge_start_line(bytes); !judged) {
      return fail(judged.error().code);
    }
  }
  if (found == HeadScan::Found::refused) {
    return fail(ErrorCode::malformed_request);
  }
  return allowed.size() == limits_->head_bytes ? fail(ErrorCode::head_too_large) : Step{};
}

// Judges the start line of a head that is not complete, or as much of it as there is.
Result<void> RequestDecoder::judge_start_line(std::string_view bytes) {
  if (scan_.start_line_bytes() == 0) {
    return judge_request_prefix(bytes.substr(0, scan_.position()), limits_->target_bytes);
  }
  const auto line =
      read_request_line(bytes.substr(0, scan_.start_line_bytes()), limits_->target_bytes);
  if (!line) {
    return unexpected(line.error());
  }
  head_.method = line->method;
  return {};
}

// Decides all that is to be known of a complete head.
Result<void> RequestDecoder::read_head(std::string_view head) {
  const auto line =
      read_request_line(head.substr(0, scan_.start_line_bytes()), limits_->target_bytes);
  if (!line) {
    return unexpected(line.error());
  }
  head_.method = line->method;
  const auto target = read_target(line->method, line->target);
  if (!target) {
    return unexpected(target.error());
  }
  const auto room = room_for_fields(*table_, *limits_);
  const auto fields = split_fields(HeadKind::request, head, scan_.start_line_bytes(), room);
  if (!fields) {
    return unexpected(fields.error());
  }
  const HeadFacts facts = gather_facts(*fields);
  const bool nominates_badly = facts.connection.nominates_guarded || facts.connection.malformed;
  if (facts.hosts > 1 || nominates_badly) {
    return refuse(ErrorCode::malformed_request);
  }
  const auto host = choose_host(line->version, *target, facts.host);
  if (!host) {
    return unexpected(host.error());
  }
  const auto framing = frame_request(facts.framing, line->version);
  if (!framing) {
    return unexpected(framing.error());
  }
  if (max_body_ > 0 && framing->content_length > max_body_) {
    return refuse(ErrorCode::body_too_large);
  }
  // RFC 9110 section 10.1.1: an expectation in HTTP/1.0 is ignored.
  const bool expects = facts.expects && line->version == Version::http11;
  if (expects && facts.expects_unknown) {
    return refuse(ErrorCode::expectation_failed);
  }
  if (facts.connection.nominates) {
    mark_nominated(*fields);
  }
  const bool has_body = framing->body == BodyKind::chunked || framing->content_length > 0;
  head_ = {.method = line->method,
           .method_text = line->method_text,
           .target = target->path,
           .host = *host,
           .version = line->version,
           .fields = *fields,
           .body = framing->body,
           .content_length = framing->content_length,
           .keep_alive = persists(line->version, facts.connection),
           .expects_continue = expects && has_body,
           .connection_bound = facts.connection_bound};
  return {};
}

ResponseDecoder::ResponseDecoder(FieldTable& table, const HeadLimits& limits)
    : table_(&table), limits_(&limits) {}

void ResponseDecoder::reset() {
  scan_ = {};
  state_ = State::head;
  begun_ = false;
  doubtful_ = false;
}

Step ResponseDecoder::fail(ErrorCode error) {
  state_ = State::failed;
  error_ = error;
  return {.kind = StepKind::error, .error = error};
}

Step ResponseDecoder::next(std::string_view bytes) {
  switch (state_) {
    case State::head:
      begun_ |= !bytes.empty();
      return next_head(bytes);
    case State::body: {
      const Step step = body_.next(bytes, 0, ErrorCode::malformed_response);
      if (step.kind == StepKind::end) {
        state_ = State::complete;
      }
      return step.kind == StepKind::error ? fail(step.error) : step;
    }
    case State::complete:
      return {.kind = StepKind::end};
    case State::failed:
      return {.kind = StepKind::error, .error = error_};
  }
  return {};
}

Step ResponseDecoder::finish() {
  switch (state_) {
    case State::head:
      return fail(begun_ ? ErrorCode::response_incomplete : ErrorCode::upstream_closed);
    case State::body: {
      // A body that is already complete needs no more bytes to say so.
      const Step step = next({});
      if (step.kind == StepKind::end) {
        return step;
      }
      if (body_.kind() != BodyKind::until_close) {
        return fail(ErrorCode::response_incomplete);
      }
      state_ = State::complete;
      return {.kind = StepKind::end};
    }
    case State::complete:
      return {.kind = StepKind::end};
    case State::failed:
      return {.kind = StepKind::error, .error = error_};
  }
  return {};
}

bool ResponseDecoder::continues() const {
  return complete() && head_.keep_alive && head_.body != BodyKind::until_close && !doubtful_;
}

// A backend that speaks something else is found out by its first bytes and not by a timeout.
Step ResponseDecoder::next_head(std::string_view bytes) {
  const std::string_view allowed = bytes.substr(0, limits_->head_bytes);
  const HeadScan::Found found = scan_.next(allowed);
  if (found == HeadScan::Found::end) {
    const Result<Framing> framing = read_head(bytes.substr(0, scan_.position()));
    return framing ? start_answer(*framing) : fail(framing.error().code);
  }
  if (found == HeadScan::Found::refused || !may_begin_status_line(bytes)) {
    return fail(ErrorCode::malformed_response);
  }
  return allowed.size() == limits_->head_bytes ? fail(ErrorCode::response_head_too_large) : Step{};
}

// A head has been read. Behind an interim one another head follows, else the body.
Step ResponseDecoder::start_answer(const Framing& framing) {
  const Step step{.kind = StepKind::head, .consumed = scan_.position()};
  scan_ = {};
  if (head_.status >= 200) {
    doubtful_ = framing.doubtful;
    state_ = State::body;
    body_.start(framing.body, framing.content_length, ChunkedFrom::backend);
  }
  return step;
}

// Decides all that is to be known of a complete head.
Result<Framing> ResponseDecoder::read_head(std::string_view head) {
  const auto line = read_status_line(head.substr(0, scan_.start_line_bytes()));
  if (!line) {
    return unexpected(line.error());
  }
  if (line->status == switching_protocols) {
    return unexpected(make_error(ErrorCode::unexpected_upgrade));
  }
  const auto room = room_for_fields(*table_, *limits_);
  const auto fields = split_fields(HeadKind::response, head, scan_.start_line_bytes(), room);
  if (!fields) {
    return unexpected(fields.error());
  }
  const HeadFacts facts = gather_facts(*fields);
  if (facts.connection.nominates_framing || facts.connection.too_many()) {
    return unexpected(make_error(ErrorCode::malformed_response));
  }
  const AnswerContext context{line->version, line->status, method_};
  const Result<Framing> framing = frame_response(facts.framing, context);
  if (!framing) {
    return unexpected(framing.error());
  }
  if (facts.connection.nominates) {
    mark_nominated(*fields);
  }
  head_ = {.version = line->version,
           .status = line->status,
           .reason = line->reason,
           .fields = *fields,
           .body = framing->body,
           .content_length = framing->content_length,
           .announces_length = framing->announces_length,
           .keep_alive = persists(line->version, facts.connection),
           .connection_bound = facts.connection_bound,
           .keep_alive_hint = facts.keep_alive};
  return *framing;
}

}  // namespace holdfast::http1
