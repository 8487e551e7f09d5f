#include "simulation/sim_client.h"

#include <algorithm>

namespace holdfast {

SimClient::SimClient(SimScene& scene)
    : SimActor(scene),
      requests_left_(scene.random.between(1, 8)),
      depth_(scene.random.percent(scene.settings.pipelined) ? scene.random.between(2, 5) : 1),
      moved_at_(scene.now()) {
  wire_.connect_result = 0;
  if (scene.random.percent(scene.settings.leaving)) {
    static constexpr Leaving ways[] = {Leaving::by_close, Leaving::by_reset, Leaving::half};
    leaving_ = scene.random.any_of(ways);
    leaves_in_ = scene.random.size(200);
  }
}

bool SimClient::act() {
  if (gone_ || pauses()) {
    return let_arrive();
  }
  constexpr std::size_t ways = 4;
  const std::size_t first = scene_.random.below(ways);
  for (std::size_t i = 0; i < ways; ++i) {
    if (act_once((first + i) % ways)) {
      moved_at_ = scene_.now();
      return true;
    }
  }
  return false;
}

bool SimClient::act_once(std::size_t which) {
  switch (which) {
    case 0:
      return let_arrive();
    case 1:
      return hear();
    case 2:
      return ask();
    default:
      return trouble();
  }
}

void SimClient::excuse_all(Excuse why) {
  for (const Awaited& one : awaited_) {
    one.request->excuse(why);
  }
}

TimePoint SimClient::waits_since() const {
  return gone_ || pauses() || awaited_.empty() ? TimePoint::max() : moved_at_;
}

// --- Asking ---

bool SimClient::ask() {
  if (sent_ < to_send_.size()) {
    return send_bytes();
  }
  if (!held_back_.empty()) {
    if (scene_.now() < invited_by_) {
      return false;
    }
    to_send_ = std::exchange(held_back_, {});  // it has been patient long enough
    sent_ = 0;
    return true;
  }
  const bool may_ask = !stopped_ && !half_closed_ && !closes_ && !wire_.near_ended;
  if (may_ask && requests_left_ > 0 && !scene_.closing_time && awaited_.size() < depth_) {
    compose();
    return true;
  }
  if (awaited_.empty() && !in_body_ && !closes_) {
    if (requests_left_ > 0 && !stopped_ && !scene_.closing_time && !wire_.near_ended) {
      return false;
    }
    finish();
    return true;
  }
  return false;
}

bool SimClient::send_bytes() {
  const std::size_t count = scene_.random.part(to_send_.size() - sent_);
  wire_.send(std::string_view(to_send_).substr(sent_, count));
  sent_ += count;
  return true;
}

void SimClient::finish() {
  scene_.judge.note("client finishes", wire_.number);
  wire_.close();
  gone_ = true;
}

// --- Trouble ---

bool SimClient::trouble() {
  if (leaving_ != Leaving::at_the_end && !half_closed_ && leaves_in_-- == 0) {
    return leave();
  }
  if (scene_.settings.slow != 0 && scene_.random.percent(scene_.settings.slow) &&
      scene_.random.one_in(20)) {
    const bool too_long = scene_.random.one_in(3);
    if (too_long) {
      scene_.tally.count(SimEvent::clients_slow);
      excuse_all(Excuse::client);
    }
    pause_for(too_long ? Duration(scene_.random.between(2500, 8000) * 1ms)
                       : Duration(scene_.random.between(1, 300) * 1ms));
    return true;
  }
  return false;
}

bool SimClient::leave() {
  scene_.judge.note("client leaves", static_cast<std::uint64_t>(leaving_), wire_.number);
  if (leaving_ == Leaving::half) {
    if (sent_ < to_send_.size() || !held_back_.empty()) {
      leaves_in_ = 1;
      return false;  // what has begun is sent first
    }
    scene_.tally.count(SimEvent::clients_half_closed);
    half_closed_ = true;
    if (scene_.settings.listener.half_close == HalfClose::abort) {
      excuse_all(Excuse::client);
    }
    wire_.end();
    return true;
  }
  excuse_all(Excuse::client);
  scene_.tally.count(leaving_ == Leaving::by_reset ? SimEvent::clients_reset
                                                   : SimEvent::clients_left);
  leaving_ == Leaving::by_reset ? wire_.reset() : wire_.close();
  gone_ = true;
  return true;
}

// --- Hearing ---

bool SimClient::hear() {
  if (wire_.near_reset && scene_.random.one_in(2)) {
    wire_.outbound.clear();
  }
  if (!wire_.outbound.empty()) {
    const std::size_t count = scene_.random.part(wire_.outbound.size());
    const std::string bytes(wire_.outbound.bytes().substr(0, count));
    wire_.read_out(count);
    read(bytes);
    return true;
  }
  if (!wire_.near_reset && !wire_.near_ended) {
    return false;
  }
  hear_end(wire_.near_reset);
  wire_.close();
  gone_ = true;
  return true;
}

void SimClient::read(std::string_view bytes) {
  while (!bytes.empty() && !scene_.judge.anything_broken()) {
    if (!in_body_) {
      if (tolerates_rest_) {
        return;
      }
      if (closes_ || awaited_.empty()) {
        scene_.judge.broken("bytes behind the last answer: " + std::string(bytes.substr(0, 60)));
        return;
      }
      bytes.remove_prefix(head_.feed(bytes));
      if (head_.complete()) {
        begin_answer();
      }
      continue;
    }
    const StrictBody::Piece piece = body_.next(bytes);
    bytes.remove_prefix(piece.consumed);
    scene_.judge.expect(!body_.broken(), "a chunk that a strict client refuses");
    if (present_.answer == nullptr) {
      present_.own_text += piece.payload;
    } else {
      scene_.judge.expect(scene_.text.matches(piece.payload, present_.key, present_.body_read),
                          "an answer with foreign bytes", awaited_.front().request->id);
    }
    present_.body_read += piece.payload.size();
    if (body_.complete()) {
      end_answer();
    }
  }
}

void SimClient::begin_answer() {
  StrictHead head;
  scene_.judge.tell(head_.text());
  const std::string_view wrong = split_strictly(head_.text(), head);
  const auto line = strict_status_line(head.start_line);
  if (!wrong.empty() || !line || !line->http11) {
    scene_.judge.broken("an answer that a strict client refuses: " + std::string(wrong) +
                        std::string(head.start_line));
    return;
  }
  if (line->status < 200) {
    hear_interim(line->status, head);
    head_.reset();
    return;
  }
  present_ = {};
  present_.status = line->status;
  const SimRequest& request = *awaited_.front().request;
  scene_.judge.note("client hears", request.id, static_cast<std::uint64_t>(line->status));
  recognise(head);
  if (scene_.judge.anything_broken() || !begin_body(head, request.http11)) {
    return;
  }
  in_body_ = true;
  if (body_.complete()) {
    end_answer();
  }
}

void SimClient::hear_interim(int status, const StrictHead& head) {
  SimRequest& request = *awaited_.front().request;
  scene_.tally.count(status == 100 ? SimEvent::invitations : SimEvent::interim_answers);
  scene_.judge.expect(request.http11, "an interim answer to an HTTP/1.0 client", request.id);
  scene_.judge.expect(status != 101, "an upgrade that nobody asked for", request.id);
  scene_.judge.expect(head.count("content-length") + head.count("transfer-encoding") == 0,
                      "an interim answer with a body", request.id);
  if (status == 100) {
    scene_.judge.expect(request.waits_for_invitation, "an invitation that nobody asked for",
                        request.id);
    request.waits_for_invitation = false;
    invited_by_ = {};
  }
}

// Finds out whose answer it is: a backend's, which must be to this very request, or the proxy's.
void SimClient::recognise(const StrictHead& head) {
  SimRequest& request = *awaited_.front().request;
  scene_.judge.expect(head.count("x-stray") == 0, "bytes that belong to no request", request.id);
  scene_.judge.expect(!request.answered, "a second answer", request.id);
  request.answered = true;
  if (head.count("x-key") == 0) {
    scene_.judge.expect(head.value("cache-control") == "no-store", "an answer of nobody",
                        request.id);
    return;
  }
  scene_.judge.expect(request.refusal == 0, "a request that must be refused was answered",
                      request.id);
  const std::size_t answers = request.answers.size();
  const std::string expected =
      std::to_string(request.id) + "." + std::to_string(answers == 0 ? 0 : answers - 1);
  scene_.judge.expect(answers > 0 && head.value("x-key") == expected, "the answer of another",
                      request.id);
  if (scene_.judge.anything_broken()) {
    return;
  }
  present_.answer = &request.answers.back();
  present_.key = SimText::key_of(request.id, static_cast<std::uint32_t>(answers));
  scene_.judge.expect(present_.answer->status == present_.status, "another status", request.id);
  scene_.judge.expect(head.value("x-size") == std::to_string(present_.answer->body_bytes),
                      "a changed field", request.id);
}

bool SimClient::begin_body(const StrictHead& head, bool http11) {
  const SimRequest& request = *awaited_.front().request;
  const std::size_t codings = head.count("transfer-encoding");
  const std::size_t lengths = head.count("content-length");
  const std::string_view connection = head.value("connection");
  scene_.judge.expect(codings + lengths <= 1, "more than one framing field", request.id);
  scene_.judge.expect(head.count("connection") == 0 || connection == "close" ||
                          (connection == "keep-alive" && !http11),
                      "a Connection field that is not the proxy's", request.id);
  for (const std::string_view hop :
       {"keep-alive", "upgrade", "trailer", "te", "proxy-connection"}) {
    scene_.judge.expect(head.count(hop) == 0, "a field that goes no further than one hop");
  }
  closes_ = connection == "close" || (!http11 && connection != "keep-alive");
  const bool bodiless =
      request.method == "HEAD" || present_.status == 204 || present_.status == 304;
  if (codings == 1) {
    scene_.judge.expect(http11 && head.value("transfer-encoding") == "chunked",
                        "chunks for a client that knows none", request.id);
    body_.start(bodiless ? StrictFraming::none : StrictFraming::chunked, 0);
  } else if (lengths == 1 && !bodiless) {
    const auto length = strict_number(head.value("content-length"));
    scene_.judge.expect(length.has_value(), "a length that is no number", request.id);
    body_.start(StrictFraming::length, length.value_or(0));
  } else {
    scene_.judge.expect(bodiless || closes_, "an answer without an end", request.id);
    body_.start(bodiless ? StrictFraming::none : StrictFraming::until_close, 0);
  }
  return true;
}

void SimClient::end_answer() {
  SimRequest& request = *awaited_.front().request;
  ++scene_.tally.statuses[static_cast<std::size_t>(present_.status)];
  if (present_.answer == nullptr) {
    scene_.tally.count(SimEvent::answers_of_our_own);
    judge_own_answer(request);
    tolerates_rest_ = request.method == "HEAD" && closes_ && present_.status < 500;
  } else {
    const bool bodiless =
        request.method == "HEAD" || present_.status == 204 || present_.status == 304;
    const bool whole = bodiless || present_.body_read == present_.answer->body_bytes;
    scene_.judge.expect(whole || present_.answer->cut_unseen, "a short body with a clean end",
                        request.id);
    scene_.tally.count(whole ? SimEvent::answers_whole : SimEvent::answers_cut_unseen);
  }
  awaited_.pop_front();
  head_.reset();
  in_body_ = false;
  if (closes_) {
    stopped_ = true;
    awaited_.clear();
    to_send_.clear();
    sent_ = 0;
    held_back_.clear();
    if (scene_.random.one_in(2)) {
      finish();
    }
  }
}

// The connection has ended. What was begun is cut, what was not must be excused.
void SimClient::hear_end(bool reset) {
  scene_.judge.note(reset ? "client is reset" : "client hears the end", awaited_.size(),
                    wire_.number);
  if (in_body_ && !reset && body_.framing() == StrictFraming::until_close) {
    end_answer();
    return;
  }
  if (awaited_.empty()) {
    return;
  }
  judge_unanswered(in_body_ || head_.begun());
}

void SimClient::judge_unanswered(bool answer_begun) {
  const Awaited& first = awaited_.front();
  const SimRequest& request = *first.request;
  if (!answer_begun && wire_.read_at_end <= first.begin) {
    scene_.tally.count(SimEvent::closed_unread);
    return;
  }
  // A reset for the sake of a later request takes with it what is still on its way for an earlier
  // one; and from whoever goes on sending a large body that is not wanted, only so much is read.
  constexpr std::uint64_t lingered_bytes = 60'000;
  const bool excused = std::ranges::any_of(awaited_, [](const Awaited& one) {
    return one.request->excuses != 0 || one.request->body_bytes > lingered_bytes;
  });
  scene_.tally.count(answer_begun ? SimEvent::answers_cut : SimEvent::closed_unanswered);
  scene_.judge.expect(
      excused,
      answer_begun ? "an answer is cut for no reason" : "a request is left without an answer",
      request.id);
}

}  // namespace holdfast
