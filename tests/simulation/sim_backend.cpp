#include "simulation/sim_backend.h"

#include <charconv>

namespace holdfast {
namespace {

// After so long no lease is made without asking the kernel first.
constexpr Duration long_idle = 60ms;

// "/r17", with or without a query.
std::uint32_t id_in_target(std::string_view target) {
  std::uint32_t id = 0;
  if (target.starts_with("/r")) {
    std::from_chars(target.data() + 2, target.data() + target.size(), id);
  }
  return id;
}

}  // namespace

// --- Reading what was accepted ---

void SimBackend::on_accepted(std::span<const std::string_view> parts) {
  for (const std::string_view part : parts) {
    read(part);
  }
}

void SimBackend::on_refused(std::span<const std::string_view> parts) {
  const std::string_view begin = parts.empty() ? std::string_view() : parts[0];
  const std::size_t target = begin.find(" /r");
  if (target != std::string_view::npos) {
    if (SimRequest* request = scene_.ledger.find(id_in_target(begin.substr(target + 1)))) {
      request->excuse(Excuse::refused_write);
    }
  }
}

void SimBackend::read(std::string_view bytes) {
  while (!bytes.empty() && !scene_.judge.anything_broken()) {
    if (!in_body_) {
      if (!head_.begun()) {
        forget_answered();
        scene_.judge.expect(owed_.empty(), "a request begins before the last one is answered");
        scene_.judge.expect(wire_.read == answer_end_,
                            "a connection is used though bytes came behind its last answer",
                            wire_.read);
      }
      const std::size_t taken = head_.feed(bytes);
      accepted_ += taken;
      bytes.remove_prefix(taken);
      if (head_.complete()) {
        begin_request();
      }
      continue;
    }
    const StrictBody::Piece piece = body_.next(bytes);
    accepted_ += piece.consumed;
    bytes.remove_prefix(piece.consumed);
    take_body(piece.payload);
  }
}

void SimBackend::begin_request() {
  StrictHead head;
  const std::string_view wrong = split_strictly(head_.text(), head);
  const auto line = strict_request_line(head.start_line);
  if (!wrong.empty() || !line) {
    scene_.judge.broken("a request head that a strict server refuses: " + std::string(wrong));
    return;
  }
  SimRequest* request = find_request(*line);
  if (request == nullptr) {
    return;
  }
  ++request->wires;
  if (login_of_ != 0) {
    scene_.judge.expect(login_of_ == request->client, "a login serves another client", request->id);
    // What was decided for this user must not happen on a connection without the login.
    request->replayable = false;
    request->must_survive = false;
  }
  if (faulty_) {
    request->excuse(served_ > 0 ? fault_ : Excuse::backend);
  }
  judge_fields(head, line->http11);
  Owed& owed = owed_.emplace_back();
  owed.request = request;
  owed.head_end = accepted_;
  owed.http11 = line->http11;
  owed.asked_to_keep = line->http11 || same_text(head.value("connection"), "keep-alive");
  start_body(head, owed);
}

SimRequest* SimBackend::find_request(const StrictRequestLine& line) {
  SimRequest* request = scene_.ledger.find(id_in_target(line.target));
  if (request == nullptr) {
    scene_.judge.broken("a request that nobody sent: " + std::string(line.target));
    return nullptr;
  }
  scene_.judge.note("backend sees", request->id, wire_.number);
  scene_.judge.expect(request->refusal == 0, "a request that must be refused reaches a backend",
                      request->id);
  scene_.judge.expect(request->method == line.method, "a request with another method", request->id);
  scene_.judge.expect(!request->answered, "a request is sent though it was answered", request->id);
  return request;
}

void SimBackend::judge_fields(const StrictHead& head, bool http11) {
  for (const std::string_view hop : {"x-hop", "te", "trailer", "upgrade", "expect", "keep-alive",
                                     "proxy-connection", "proxy-authorization"}) {
    scene_.judge.expect(head.count(hop) == 0, "a field that goes no further than one hop");
  }
  const ProtocolChoice protocol = scene_.settings.upstream.protocol;
  scene_.judge.expect(
      protocol == ProtocolChoice::automatic || http11 == (protocol == ProtocolChoice::http11),
      "a request in another version than configured");
  scene_.judge.expect(head.count("host") == 1, "not one Host");
  scene_.judge.expect(head.value("x-forwarded-for") == "192.0.2.7", "a wrong X-Forwarded-For");
  const std::string_view connection = head.value("connection");
  // `close` stands in the last request of a connection.
  scene_.judge.expect(
      head.count("connection") == 0 || connection == "keep-alive" || connection == "close",
      "a Connection field that is not the proxy's");
}

void SimBackend::start_body(const StrictHead& head, Owed& owed) {
  const SimRequest& request = *owed.request;
  const std::size_t lengths = head.count("content-length");
  const std::size_t codings = head.count("transfer-encoding");
  scene_.judge.expect(lengths + codings <= 1, "more than one framing field", request.id);
  StrictFraming framing = StrictFraming::none;
  std::uint64_t length = 0;
  if (codings == 1) {
    scene_.judge.expect(head.value("transfer-encoding") == "chunked" && owed.http11,
                        "a transfer coding that is not chunked, or in HTTP/1.0", request.id);
    framing = StrictFraming::chunked;
    owed.chunked = true;
  } else if (lengths == 1) {
    const auto number = strict_number(head.value("content-length"));
    scene_.judge.expect(number == request.body_bytes, "a wrong Content-Length", request.id);
    framing = StrictFraming::length;
    length = number.value_or(0);
  }
  scene_.judge.expect(framing != StrictFraming::none || request.body_bytes == 0,
                      "a request without its body", request.id);
  body_.start(framing, length);
  body_read_ = 0;
  in_body_ = true;
  if (body_.complete()) {
    end_request();
  }
}

void SimBackend::take_body(std::string_view payload) {
  const SimRequest& request = *owed_.back().request;
  scene_.judge.expect(!body_.broken(), "a chunk that a strict server refuses", request.id);
  const bool fits = body_read_ + payload.size() <= request.body_bytes;
  const bool same = scene_.text.matches(payload, SimText::key_of(request.id, 0), body_read_);
  // Of a body that becomes malformed a sound chunk may have come before.
  scene_.judge.expect((fits && same) || !request.complete, "a body of a request with foreign bytes",
                      request.id);
  body_read_ += payload.size();
  if (body_.complete()) {
    end_request();
  }
}

void SimBackend::end_request() {
  Owed& owed = owed_.back();
  scene_.judge.expect(body_read_ == owed.request->body_bytes, "a body of another size",
                      owed.request->id);
  scene_.judge.expect(owed.request->complete, "a request is completed that its client never did",
                      owed.request->id);
  owed.end = accepted_;
  in_body_ = false;
  head_.reset();
}

// An exchange is over when its request is whole and the proxy has read the last byte of its answer.
// One that ends with its connection is not: a reset may overtake that end.
void SimBackend::forget_answered() {
  if (!owed_.empty() && owed_.front().composed && owed_.front().end != SimWire::nowhere &&
      framing_ != StrictFraming::until_close && wire_.read >= answer_end_ &&
      answer_end_ <= wire_.sent) {
    owed_.pop_front();
  }
}

bool SimBackend::at_rest() {
  forget_answered();
  return owed_.empty() && !head_.begun() && !in_body_ && wire_.read == answer_end_;
}

// --- Acting ---

bool SimBackend::act() {
  if (!wire_.connect_result && wire_.connect_plan && !wire_.near_closed) {
    wire_.connect_result = wire_.connect_plan;
    if (server().faults != 0 && scene_.random.one_in(20)) {
      // A listener that nobody serves: the handshake succeeds, and nothing else.
      faulty_ = true;
      break_off(true);
      static_cast<void>(let_arrive());
    }
    return true;
  }
  if (gone_ || pauses()) {
    return let_arrive();
  }
  constexpr std::size_t ways = 5;
  const std::size_t first = scene_.random.below(ways);
  for (std::size_t i = 0; i < ways; ++i) {
    if (act_once((first + i) % ways)) {
      return true;
    }
  }
  return false;
}

bool SimBackend::act_once(std::size_t which) {
  switch (which) {
    case 0:
      return let_arrive();
    case 1:
      return take_bytes();
    case 2:
      return answer();
    case 3:
      return send_bytes();
    default:
      return act_idle();
  }
}

bool SimBackend::take_bytes() {
  if (wire_.near_reset && scene_.random.one_in(2)) {
    wire_.outbound.clear();
  }
  if (!wire_.outbound.empty()) {
    const bool deaf = plan_ == Plan::deaf && !owed_.empty() && owed_.front().begun;
    if (deaf && !wire_.near_gone()) {
      return false;
    }
    wire_.read_out(scene_.random.part(wire_.outbound.size()));
    return true;
  }
  if (!wire_.near_gone() && !wire_.near_ended) {
    return false;
  }
  scene_.judge.note("backend closes behind the proxy", wire_.number);
  wire_.close();
  gone_ = true;
  return true;
}

bool SimBackend::answer() {
  forget_answered();
  if (owed_.empty() || owed_.front().composed || wire_.delivered < owed_.front().head_end) {
    return false;
  }
  Owed& owed = owed_.front();
  if (!owed.begun) {
    make_plan(owed);
    return true;
  }
  switch (plan_) {
    case Plan::silent:
    case Plan::deaf:
      return false;
    case Plan::end_first:
    case Plan::reset_first:
      break_off(plan_ == Plan::reset_first);
      return true;
    default:
      break;
  }
  if (!early_ && wire_.delivered < owed.end) {
    return false;
  }
  compose(owed);
  return true;
}

void SimBackend::make_plan(Owed& owed) {
  SimRequest& request = *owed.request;
  owed.begun = true;
  scene_.tally.count(SimEvent::heads_at_backends);
  const std::uint32_t most = request.replayable ? 2 : 1;
  scene_.judge.expect(++request.heads_seen <= most, "a request is sent too often", request.id);
  plan_ = Plan::answer;
  early_ = request.has_body && scene_.random.percent(server().early);
  if (owed.chunked && !server().http11) {
    early_ = true;  // it knows no chunks
  }
  if (!scene_.random.percent(server().faults)) {
    return;
  }
  plan_ = static_cast<Plan>(scene_.random.between(1, static_cast<std::size_t>(Plan::last_)));
  scene_.tally.count(SimEvent::backend_faults);
  scene_.judge.note("backend plans a fault", request.id, static_cast<std::uint64_t>(plan_));
  if (plan_ == Plan::end_first || plan_ == Plan::reset_first) {
    excuse(request, served_ > 0 ? Excuse::stale : Excuse::backend);
  } else if (plan_ != Plan::extra && plan_ != Plan::cut_by_end) {
    excuse(request, Excuse::backend);
  }
  if (plan_ == Plan::stall && scene_.random.one_in(2)) {
    early_ = false;
  }
}

void SimBackend::excuse(SimRequest& request, Excuse why) {
  faulty_ = true;
  fault_ = why == Excuse::backend ? why : fault_;
  request.excuse(why);
}

void SimBackend::break_off(bool with_reset) {
  scene_.judge.note(with_reset ? "backend resets" : "backend closes", wire_.number, wire_.sent);
  with_reset ? wire_.reset() : wire_.close();
  answer_sent_ = answer_.size();
  gone_ = true;
}

void SimBackend::fall() {
  if (gone_) {
    return;
  }
  forget_answered();
  for (const Owed& owed : owed_) {
    excuse(*owed.request, served_ > 0 && !owed.composed ? Excuse::stale : Excuse::backend);
  }
  faulty_ = true;
  const bool with_reset = scene_.random.one_in(2);
  if (answer_sent_ < answer_.size() && framing_ == StrictFraming::until_close && !with_reset) {
    owed_.front().request->answers.back().cut_unseen = true;
  }
  break_off(with_reset);
}

bool SimBackend::send_bytes() {
  if (answer_sent_ == answer_.size()) {
    return false;
  }
  std::size_t count = scene_.random.part(answer_.size() - answer_sent_);
  if (stall_at_ > answer_sent_ && answer_sent_ + count >= stall_at_) {
    count = stall_at_ - answer_sent_;
    stall_at_ = 0;
    pause_for(scene_.settings.upstream.timeouts.read * 3);
  } else if (wire_.sent + count == wire_.glued) {
    ++count;
  }
  wire_.send(std::string_view(answer_).substr(answer_sent_, count));
  answer_sent_ += count;
  if (answer_sent_ == answer_.size()) {
    end_after_answer();
  }
  return true;
}

void SimBackend::end_after_answer() {
  answer_.clear();
  answer_sent_ = 0;
  ++served_;
  switch (after_) {
    case After::keep:
      return;
    case After::reset:
      break_off(true);
      return;
    case After::end:
      faulty_ = true;
      wire_.end();
      // With part of the request unread a close would be a reset, which may eat the answer.
      if (wire_.delivered == accepted_ && !in_body_ && scene_.random.one_in(2)) {
        wire_.close();
        gone_ = true;
      }
      return;
  }
}

// Between two requests: a timeout of the server, or what no server should send.
bool SimBackend::act_idle() {
  if (wire_.connect_result != 0 || wire_.far_ended || !at_rest()) {
    idle_ = false;
    return false;
  }
  if (!idle_ || moves_seen_ != wire_.moves) {
    idle_ = true;
    moves_seen_ = wire_.moves;
    idle_since_ = scene_.now();
    alarm_ = server().idle_timeout == 0s ? TimePoint{} : idle_since_ + server().idle_timeout;
  }
  if (scene_.settings.calm || wire_.near_gone()) {
    return false;
  }
  const bool timed_out = server().idle_timeout != 0s && scene_.now() >= alarm_;
  if (timed_out || (server().faults != 0 && scene_.random.one_in(2000))) {
    scene_.tally.count(SimEvent::closed_while_idle);
    faulty_ = true;
    break_off(scene_.random.one_in(4));
    return true;
  }
  if (server().faults != 0 && scene_.now() >= idle_since_ + long_idle && wire_.inbound.empty() &&
      scene_.random.one_in(200)) {
    scene_.tally.count(SimEvent::bytes_while_idle);
    scene_.judge.note("backend speaks unasked", wire_.number);
    faulty_ = true;
    wire_.send("HTTP/1.1 200 OK\r\nX-Stray: 1\r\nContent-Length: 0\r\n\r\n");
    wire_.arrived = wire_.inbound.size();
    return true;
  }
  return false;
}

}  // namespace holdfast
