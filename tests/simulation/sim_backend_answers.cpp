// How a simulated backend answers.

#include "simulation/sim_backend.h"

namespace holdfast {
namespace {

constexpr std::string_view nonsense[] = {
    "SSH-2.0-OpenSSH_9.2\r\n",
    "HTTP/1.1 200 OK\nContent-Length: 0\n\n",
    "HTTP/1.1 200 OK\r\nContent-Length: 0\n\r\n",
    "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!",
    "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "HTTP/1.1 200 OK\r\nContent-Length: 18446744073709551616\r\n\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n0\r\n\r\n",
    "HTTP/1.1 200 OK\r\nX-A: 1\r\n folded\r\nContent-Length: 0\r\n\r\n",
    "HTTP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n",
    "HTTP/1.1 99 Odd\r\nContent-Length: 0\r\n\r\n",
    "HTTP/1.1 200 OK\r\n: none\r\nContent-Length: 0\r\n\r\n",
    "HTTP/1.1 200 OK\r\nX A: 1\r\nContent-Length: 0\r\n\r\n",
    "HTTP/1.1 200 OK\r\nX-A: \x01\r\nContent-Length: 0\r\n\r\n",
    "\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
    "\x16\x03\x01\x02",
};

constexpr std::string_view extras[] = {
    "x",
    "\r\n",
    "HTTP/1.1 200 OK\r\nX-Stray: 1\r\nContent-Length: 3\r\n\r\nbad",
    "0\r\n\r\n",
};

bool forbids_body(int status) { return status == 204 || status == 304 || status == 205; }

}  // namespace

void SimBackend::compose(Owed& owed) {
  SimRequest& request = *owed.request;
  scene_.judge.note("backend answers", request.id, static_cast<std::uint64_t>(plan_));
  scene_.judge.expect(++request.executions <= (request.replayable ? 2U : 1U),
                      "a request is executed too often", request.id);
  scene_.tally.count(SimEvent::executions);
  if (request.executions == 2) {
    scene_.tally.count(SimEvent::executed_twice);
  }
  if (wire_.delivered < owed.end) {
    scene_.tally.count(SimEvent::early_answers);
  }
  owed.composed = true;
  answer_.clear();
  answer_sent_ = 0;
  stall_at_ = 0;
  after_ = After::keep;
  wire_.glued = SimWire::nowhere;
  if (owed.http11 && server().http11 && scene_.random.percent(server().interim)) {
    compose_interim(scene_.random.between(1, 3));
  }
  SimAnswer made;
  compose_final(owed, made);
  request.answers.push_back(made);
}

void SimBackend::compose_interim(std::size_t count) {
  static constexpr std::string_view interim[] = {
      "HTTP/1.1 100 Continue\r\n\r\n",
      "HTTP/1.1 102 Processing\r\n\r\n",
      "HTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload\r\n\r\n",
  };
  for (std::size_t i = 0; i < count; ++i) {
    answer_ += scene_.random.any_of(interim);
  }
}

StrictFraming SimBackend::pick_framing(const Owed& owed, bool bodiless) {
  if (bodiless) {
    return StrictFraming::none;
  }
  const std::size_t choice = scene_.random.below(10);
  const bool chunks = owed.http11 && server().http11;
  if (chunks && choice < 3) {
    return StrictFraming::chunked;
  }
  return choice == 9 || (!server().http11 && choice > 5) ? StrictFraming::until_close
                                                         : StrictFraming::length;
}

void SimBackend::compose_final(const Owed& owed, SimAnswer& made) {
  static constexpr int statuses[] = {204, 304, 404, 500, 400, 408, 401, 205, 301, 503};
  const SimRequest& request = *owed.request;
  made.status = scene_.random.percent(90) ? 200 : scene_.random.any_of(statuses);
  if (owed.chunked && !server().http11) {
    made.status = 411;
  }
  const bool head = request.method == "HEAD";
  const bool bodiless = head || forbids_body(made.status);
  made.body_bytes = forbids_body(made.status) ? 0 : scene_.random.size(scene_.settings.max_body);
  framing_ = pick_framing(owed, bodiless);
  const bool ends_by_rule = framing_ == StrictFraming::until_close || !owed.asked_to_keep ||
                            (!server().http11 && !server().keeps) || made.status == 411;
  const bool closes = ends_by_rule || scene_.random.percent(server().closes);
  after_ = closes ? After::end : After::keep;

  answer_ += server().http11 ? "HTTP/1.1 " : "HTTP/1.0 ";
  answer_ += std::to_string(made.status) + " Simulated\r\nX-Key: " + std::to_string(request.id) +
             "." + std::to_string(request.answers.size()) +
             "\r\nX-Size: " + std::to_string(made.body_bytes) + "\r\n";
  if (made.status == 401) {
    answer_ += "WWW-Authenticate: NTLM\r\n";
    login_of_ = request.client;
  }
  if (closes && (server().http11 || scene_.random.one_in(2))) {
    answer_ += "Connection: close\r\n";
  } else if (!closes && (!server().http11 || !owed.http11)) {
    answer_ += "Connection: keep-alive\r\n";
  }
  if (framing_ == StrictFraming::chunked) {
    answer_ += "Transfer-Encoding: chunked\r\n";
  } else if (framing_ == StrictFraming::length || made.status == 205 ||
             (head && !forbids_body(made.status))) {
    answer_ += "Content-Length: " + std::to_string(made.body_bytes) + "\r\n";
  }
  answer_ += "\r\n";
  const std::size_t head_bytes = answer_.size();
  if (!bodiless) {
    compose_body(
        answer_, framing_,
        SimText::key_of(request.id, static_cast<std::uint32_t>(request.answers.size()) + 1),
        made.body_bytes);
  }
  spoil(owed, made, head_bytes);
}

void SimBackend::compose_body(std::string& out, StrictFraming framing, std::uint64_t key,
                              std::uint64_t bytes) {
  if (framing != StrictFraming::chunked) {
    scene_.text.append(out, key, 0, bytes);
    return;
  }
  std::uint64_t from = 0;
  while (from < bytes) {
    const std::uint64_t most = bytes - from;
    const std::uint64_t chunk = scene_.random.one_in(3) ? scene_.random.part(most) : most;
    char line[24];
    const int line_bytes =
        std::snprintf(line, sizeof(line), scene_.random.one_in(2) ? "%zx" : "%zX",
                      static_cast<std::size_t>(chunk));
    out.append(line, static_cast<std::size_t>(line_bytes));
    out += scene_.random.one_in(20) ? ";name=value\r\n" : "\r\n";
    scene_.text.append(out, key, from, chunk);
    out += "\r\n";
    from += chunk;
  }
  out += "0\r\n";
  out += scene_.random.one_in(20) ? "X-Trailer: 1\r\n\r\n" : "\r\n";
}

// Makes of a sound answer what the plan says.
void SimBackend::spoil(const Owed& owed, SimAnswer& made, std::size_t head_bytes) {
  answer_end_ = wire_.sent + answer_.size();
  SimRequest& request = *owed.request;
  const bool cuts = plan_ == Plan::cut_by_end || plan_ == Plan::cut_by_reset;
  if (cuts) {
    const std::size_t cut = scene_.random.between(1, answer_.size() - 1);
    const bool unseen =
        plan_ == Plan::cut_by_end && cut >= head_bytes && framing_ == StrictFraming::until_close;
    made.cut_unseen = unseen;
    if (!unseen) {
      excuse(request, Excuse::backend);
    }
    answer_.resize(cut);
    after_ = plan_ == Plan::cut_by_end ? After::end : After::reset;
    answer_end_ = SimWire::nowhere;  // it never comes
  } else if (plan_ == Plan::stall) {
    stall_at_ = scene_.random.between(1, answer_.size() - 1);
  } else if (plan_ == Plan::extra && framing_ != StrictFraming::until_close) {
    scene_.tally.count(SimEvent::extra_bytes);
    wire_.glued = answer_end_;
    faulty_ = true;
    answer_ += scene_.random.any_of(extras);
  } else if (plan_ == Plan::nonsense || plan_ == Plan::upgrade) {
    answer_ = plan_ == Plan::nonsense ? std::string(scene_.random.any_of(nonsense))
                                      : "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n"
                                        "Connection: upgrade\r\n\r\nraw";
    answer_end_ = SimWire::nowhere;
  } else if (plan_ == Plan::chatter) {
    const std::string final_answer = std::exchange(answer_, {});
    compose_interim(scene_.random.between(9, 12));
    answer_ += final_answer;
    answer_end_ = wire_.sent + answer_.size();
  } else if (plan_ == Plan::huge_head) {
    answer_.insert(answer_.find("X-Key"), "X-Long: " + std::string(9000, 'a') + "\r\n");
    answer_end_ = wire_.sent + answer_.size();
  }
}

}  // namespace holdfast
