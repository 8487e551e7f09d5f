// What a simulated client asks for.

#include "simulation/sim_client.h"

namespace holdfast {
namespace {

// A request that must be refused before a byte of it reaches a backend. `$` stands for its target;
// whatever hides behind it carries the same one.
struct Hostile {
  int status;
  std::string_view text;
};

constexpr Hostile hostile[] = {
    {400, "GET $ HTTP/1.1\nHost: a\n\n"},
    {400, "GET $ HTTP/1.1\r\nHost: a\nX: b\r\n\r\n"},
    {400, "GET $ HTTP/1.1\r\nHost: a\r\nX: b\n\r\n"},
    {400, "GET $ HTTP/1.1\r\nHost: a\r\n\n"},
    {400, "GET $ HTTP/1.1\r\nHost: a\r\nX: b\r\n folded\r\n\r\n"},
    {400, "GET $ HTTP/1.1\r\nHost: a\r\n\tTransfer-Encoding: chunked\r\n\r\n"},
    {400, "GET $ HTTP/1.1\r\nHost: a\r\nX: b\rContent-Length: 5\r\n\r\nhello"},
    {400, "GET $ HTTP/1.1\r\nHost: a\r\nX: a\x01z\r\n\r\n"},
    {400, "GET $ HTTP/1.1\r\nHost : a\r\n\r\n"},
    {400, "GET $ HTTP/1.1\r\nHost: a\r\n: b\r\n\r\n"},
    {400, "GET $ HTTP/1.1\r\nHost: a\r\nX Y: b\r\n\r\n"},
    {400, "GET $ HTTP/1.1\r\n\r\n"},
    {400, "GET $ HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n"},
    {400, "GET $ HTTP/1.1\r\nHost: a, b\r\n\r\n"},
    {400, "GET  $ HTTP/1.1\r\nHost: a\r\n\r\n"},
    {400, "GET $ HTTP/1.1 \r\nHost: a\r\n\r\n"},
    {400, "GET $ HTTP/1.10\r\nHost: a\r\n\r\n"},
    {400, "GET $\r\n\r\n"},
    {400, "GET $#part HTTP/1.1\r\nHost: a\r\n\r\n"},
    {400, "GET http://b$ HTTP/1.1\r\nHost: a\r\n\r\n"},
    {400, "GET ftp://a$ HTTP/1.1\r\nHost: a\r\n\r\n"},
    {400, "GET $ HTTP/1.1\r\nHost: a\r\nConnection: host\r\n\r\n"},
    {400,
     "POST $ HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"
     "0\r\n\r\nGET $ HTTP/1.1\r\nHost: a\r\n\r\n"},
    {400,
     "POST $ HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n"
     "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
    {400, "POST $ HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: ,chunked\r\n\r\n0\r\n\r\n"},
    {400, "POST $ HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n"},
    {400, "POST $ HTTP/1.1\r\nHost: a\r\nTransfer-Encoding:\r\nContent-Length: 5\r\n\r\nhello"},
    {400, "POST $ HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
    {400, "POST $ HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nhello"},
    {400, "POST $ HTTP/1.1\r\nHost: a\r\nContent-Length: 5, 5\r\n\r\nhello"},
    {400, "POST $ HTTP/1.1\r\nHost: a\r\nContent-Length: +5\r\n\r\nhello"},
    {400, "POST $ HTTP/1.1\r\nHost: a\r\nContent-Length: 0x5\r\n\r\nhello"},
    {400, "POST $ HTTP/1.1\r\nHost: a\r\nContent-Length: 18446744073709551621\r\n\r\nhello"},
    {501, "POST $ HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"},
    {501, "FETCH $ HTTP/1.1\r\nHost: a\r\n\r\n"},
    {505, "GET $ HTTP/1.2\r\nHost: a\r\n\r\n"},
    {505, "GET $ HTTP/2.0\r\nHost: a\r\n\r\n"},
    {405, "TRACE $ HTTP/1.1\r\nHost: a\r\n\r\n"},
    {417, "POST $ HTTP/1.1\r\nHost: a\r\nExpect: 200-ok\r\nContent-Length: 1\r\n\r\nx"},
};

// What may stand where a chunk is expected and ends the request badly.
constexpr std::string_view bad_chunks[] = {
    "5\nhello\r\n0\r\n\r\n",
    "-5\r\nhello\r\n0\r\n\r\n",
    "0x5\r\nhello\r\n0\r\n\r\n",
    "5 \r\nhello\r\n0\r\n\r\n",
    "ffffffffffffffffff\r\n",
    "5\r\nhelloXX0\r\n\r\n",
    "\r\n0\r\n\r\n",
    "5;a\nb\r\nhello\r\n0\r\n\r\n",
    "0\r\nX: a\nY: b\r\n\r\n",
    "g\r\n",
};

struct Kind {
  std::string_view method;
  bool has_body;
};
constexpr Kind kinds[] = {
    {"GET", false},  {"GET", false},  {"GET", false},   {"HEAD", false}, {"OPTIONS", false},
    {"GET", true},   {"POST", true},  {"POST", true},   {"PUT", true},   {"DELETE", false},
    {"PATCH", true}, {"POST", false}, {"DELETE", true},
};

std::string target_of(const SimRequest& request) { return "/r" + std::to_string(request.id); }

std::string with_target(std::string_view text, const std::string& target) {
  std::string out;
  for (const char c : text) {
    c == '$' ? out += target : out += c;
  }
  return out;
}

}  // namespace

void SimClient::compose() {
  --requests_left_;
  ++scene_.exchanges;
  to_send_.clear();
  sent_ = 0;
  scene_.random.percent(scene_.settings.hostile) ? compose_hostile() : compose_sound();
  scene_.judge.tell(to_send_);
}

// Waits for the answer to what stands in `to_send_`.
void SimClient::note_request(SimRequest& request, std::size_t head_at) {
  request.client = wire_.number;
  request.sent_at = scene_.now();
  awaited_.push_back({&request, wire_.sent + head_at});
  scene_.judge.note("client asks", request.id, wire_.number);
}

void SimClient::compose_hostile() {
  SimRequest& request = scene_.ledger.open();
  const std::string target = target_of(request);
  const std::size_t head_limit = scene_.settings.listener.limits.head;
  request.complete = false;
  stopped_ = true;  // nothing behind it can count
  switch (scene_.random.below(8)) {
    case 0:
      request.refusal = 431;
      request.method = "GET";
      to_send_ = "GET " + target +
                 " HTTP/1.1\r\nHost: a\r\nX-Long: " + std::string(head_limit, 'a') + "\r\n\r\n";
      break;
    case 1:
      request.refusal = 414;
      request.method = "GET";
      to_send_ = "GET " + target + "?" + std::string(scene_.settings.listener.limits.target, 'a') +
                 " HTTP/1.1\r\nHost: a\r\n\r\n";
      break;
    case 2:
      request.method = "POST";
      request.chunked = true;
      request.has_body = true;
      request.body_bytes = 1000;
      request.excuse(Excuse::client);
      to_send_ =
          "POST " + target + " HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n64\r\n";
      scene_.text.append(to_send_, SimText::key_of(request.id, 0), 0, 0x64);
      to_send_ += "\r\n";
      to_send_ += scene_.random.any_of(bad_chunks);
      break;
    default: {
      const Hostile& chosen = scene_.random.any_of(hostile);
      request.refusal = chosen.status;
      request.method = chosen.text.substr(0, chosen.text.find(' '));
      to_send_ = with_target(chosen.text, target);
    }
  }
  note_request(request, 0);
}

void SimClient::compose_sound() {
  SimRequest& request = scene_.ledger.open();
  const Kind& kind = scene_.random.any_of(kinds);
  request.method = kind.method;
  request.has_body = kind.has_body;
  request.http11 = !scene_.random.one_in(4);
  request.body_bytes = kind.has_body ? scene_.random.size(scene_.settings.max_body) : 0;
  request.chunked = kind.has_body && request.http11 && scene_.random.one_in(3);
  request.has_body = request.body_bytes > 0 || request.chunked;
  // What a Content-Length of 0 frames is no body, but the request does not repeat itself for it.
  const ReplayOptions& replay = scene_.settings.upstream.replay;
  const bool safe =
      request.method == "GET" || request.method == "HEAD" || request.method == "OPTIONS";
  const bool repeats = request.method == "PUT" || request.method == "DELETE";
  request.must_survive = safe && !kind.has_body && replay.budget == 100;
  request.replayable =
      (safe && !kind.has_body) || (repeats && replay.methods == ReplayMethods::idempotent);
  std::string& out = to_send_;
  if (scene_.random.one_in(20)) {
    out += "\r\n";
  }
  const bool absolute = scene_.random.one_in(10);
  out += std::string(request.method) + " " + (absolute ? "http://sim.test" : "") +
         target_of(request) + (scene_.random.one_in(10) ? "?a=%20b" : "") +
         (request.http11 ? " HTTP/1.1\r\n" : " HTTP/1.0\r\n");
  compose_fields(out, request);
  if (request.chunked) {
    out += "Transfer-Encoding: chunked\r\n\r\n";
  } else {
    out += kind.has_body ? "Content-Length: " + std::to_string(request.body_bytes) + "\r\n\r\n"
                         : "\r\n";
  }
  note_request(request, 0);
  judge_size(request, request.chunked);
  compose_body(out, request);
}

void SimClient::compose_fields(std::string& out, const SimRequest& request) {
  SimRandom& random = scene_.random;
  if (request.http11 || random.one_in(2)) {
    out += random.one_in(5) ? "HOST:sim.test\r\n" : "Host: sim.test\r\n";
  }
  if (random.one_in(6)) {
    out += "Accept:  */*\t\r\nX-Empty:\r\nX-Text: caf\xe9\r\n";
  }
  compose_connection(out, request);
  if (random.one_in(12)) {
    out += "TE: trailers\r\nUpgrade: websocket\r\nX-Forwarded-For: 10.9.9.9\r\n";
  }
}

// Whoever says close asks for nothing more.
void SimClient::compose_connection(std::string& out, const SimRequest& request) {
  SimRandom& random = scene_.random;
  if (random.one_in(12)) {
    out += "X-Hop: 1\r\nConnection: x-hop, , close\r\n";
    stopped_ = true;
  } else if (random.one_in(12)) {
    out += "X-Hop: 1\r\nConnection: X-HOP\r\n";
    stopped_ |= !request.http11;
  } else if (request.http11 && random.one_in(12)) {
    out += "connection: close\r\n";
    stopped_ = true;
  } else if (!request.http11 && random.one_in(3)) {
    stopped_ = true;
  } else if (!request.http11) {
    out += random.one_in(2) ? "Connection: Keep-Alive\r\n" : "Connection: keep-alive\r\n";
  }
}

// A body beyond the limit is refused by its length, or while its chunks come.
void SimClient::judge_size(SimRequest& request, bool chunked) {
  const std::uint64_t limit = scene_.settings.listener.limits.body;
  if (limit == 0 || request.body_bytes <= limit) {
    return;
  }
  stopped_ = true;  // the proxy will close
  if (chunked) {
    request.complete = false;
    request.excuse(Excuse::client);
  } else {
    request.refusal = 413;
  }
}

void SimClient::compose_body(std::string& out, SimRequest& request) {
  const bool waits = request.has_body && request.http11 && scene_.random.one_in(6);
  if (waits) {
    out.insert(out.size() - 2,
               scene_.random.one_in(2) ? "Expect: 100-continue\r\n" : "expect: 100-Continue\r\n");
    request.waits_for_invitation = true;
    invited_by_ = scene_.now() + 1s;
    alarm_ = invited_by_;
  }
  std::string& body = waits ? held_back_ : out;
  const std::uint64_t key = SimText::key_of(request.id, 0);
  if (!request.chunked) {
    scene_.text.append(body, key, 0, request.body_bytes);
    return;
  }
  std::uint64_t from = 0;
  while (from < request.body_bytes) {
    const std::uint64_t most = request.body_bytes - from;
    const std::uint64_t least = std::min<std::uint64_t>(most, request.body_bytes / 8 + 1);
    const std::uint64_t chunk = std::max<std::uint64_t>(least, scene_.random.part(most));
    char line[24];
    const int bytes = std::snprintf(line, sizeof(line), "%zx", static_cast<std::size_t>(chunk));
    body.append(line, static_cast<std::size_t>(bytes));
    body += scene_.random.one_in(10) ? ";a=b\r\n" : "\r\n";
    scene_.text.append(body, key, from, chunk);
    body += "\r\n";
    from += chunk;
  }
  body += scene_.random.one_in(10) ? "0\r\nX-Trailer: 1\r\n\r\n" : "0\r\n\r\n";
}

}  // namespace holdfast
