// Whole exchanges: clients and backends that do what the input says, around the real proxy, pool
// and codec. The wires, the clock and the other parts of the world are those of the unit tests.
//
// Each request of a client has a tag, and a backend answers with the tag of the request that it has
// read. Bytes that come from the input itself never have one. So a tag in the wrong place is a byte
// in the wrong hands.
//
// Input: a few settings, then operations of one byte and their arguments.

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "fuzz/input.h"
#include "fuzz/strict_http.h"
#include "fuzz/tagged.h"
#include "proxy/fake_world.h"

namespace holdfast {
namespace {

using fuzz::Answer;
using fuzz::answer_to;
using fuzz::Input;
using fuzz::Request;
using fuzz::request_of;
using fuzz::tag_begin;
using fuzz::tags_in;
using fuzz::Typed;
using fuzz::without_tags;
namespace strict = fuzz::strict;

constexpr std::size_t max_clients = 5;
constexpr std::size_t max_requests = 8;  // of a client
constexpr std::size_t max_backends = 12;
constexpr std::size_t max_operations = 120;

struct ClientSide {
  Far* far = nullptr;
  std::vector<Request> requests;
  std::string unsent;  // typed, and not given to the wire yet
  std::string received;
  bool wild = false;      // it has sent bytes of the input
  bool left = false;      // it has ended or reset its side
  bool finished = false;  // it has announced its last request
};

struct BackendSide {
  Far* far = nullptr;
  std::string seen;  // behind the last whole request
  std::optional<Request> asked;
  std::string last_tag;
  std::string unsent;  // of an answer
  bool ends_after = false;
  bool answered_early = false;  // the request at the front of `seen`
  bool wild = false;            // it has sent bytes of the input
  bool poisoned = false;        // it has spoken out of turn
};

class World final : public ProxyTest {
 public:
  explicit World(Input input) : input_(input) {
    const std::uint8_t shape = input_.byte();
    const std::uint8_t manners = input_.byte();
    worker_count = 1 + (shape & 1);
    upstream.pool.max_connections = 1 + (shape >> 1) % 3;
    upstream.pool.max_idle = (shape & 16) != 0 ? 1 : 256;
    upstream.pool.max_requests = (shape & 32) != 0 ? 3 : 0;
    upstream.queue.max = (shape & 64) != 0 ? 1 : 0;
    upstream.protocol = static_cast<ProtocolChoice>(manners % 3);
    listener.half_close = (manners & 4) != 0 ? HalfClose::serve : HalfClose::abort;
    listener.max_requests = (manners & 8) != 0 ? 2 : 0;
    network.read_bytes = (manners & 16) != 0 ? 7 : std::size_t{64} * 1024;
    if ((manners & 32) != 0) {
      network.storm(input_.byte());
    }
    if ((manners & 64) != 0) {
      listener.limits.body = 100;
      upstream.limits.chunked_body = 50;
    }
  }

  void run() {
    for (std::size_t i = 0; i < max_operations && !input_.empty(); ++i) {
      step(input_.byte());
      look_at_backends();
      look_at_clients();
    }
    calm_down();
    for (ClientSide& one : clients_) {
      judge(one);
    }
    TearDown();
  }

 private:
  void TestBody() override {}

  void step(std::uint8_t operation) {
    settles_ = (operation & 0x80) == 0;
    switch (operation % 16) {
      case 0:
        return add_client();
      case 1:
      case 2:
        return type_request();
      case 3:
        return send_typed(input_.byte());
      case 4:
        return send_wildly();
      case 5:
        return leave();
      case 6:
        return hold_client();
      case 7:
      case 8:
        return answer();
      case 9:
        return go_on_answering();
      case 10:
        return answer_wildly();
      case 11:
        return end_backend();
      case 12:
        return speak_out_of_turn();
      case 13:
        return advance(Duration(10ms) * (1 << input_.below(15)));
      case 14:
        return hold_backend();
      default:
        return change_connects();
    }
  }

  void done() {
    if (settles_) {
      settle();
    }
  }

  // --- Clients ---

  void add_client() {
    if (clients_.size() < max_clients) {
      clients_.push_back({.far = &client(input_.byte() % worker_count)});
    }
  }

  ClientSide* some_client() {
    return clients_.empty() ? nullptr : &clients_[input_.below(clients_.size())];
  }

  void type_request() {
    ClientSide* one = some_client();
    const std::uint8_t kind = input_.byte();
    if (one == nullptr || one->left || one->finished || one->wild ||
        one->requests.size() == max_requests) {
      return;
    }
    const Typed typed =
        request_of(static_cast<std::size_t>(one - clients_.data()), one->requests.size(), kind);
    one->unsent += typed.text;
    one->finished = typed.is_last;
    one->requests.push_back(typed.request);
    if ((kind & 0x80) == 0) {
      give(*one, one->unsent.size());
    }
  }

  void give(ClientSide& one, std::size_t bytes) {
    one.far->wire.arrived += one.unsent.substr(0, bytes);
    one.unsent.erase(0, bytes);
    done();
  }
  void send_typed(std::size_t bytes) {
    ClientSide* one = some_client();
    if (one != nullptr && !one->left) {
      give(*one, bytes == 0 ? one->unsent.size() : bytes);
    }
  }

  void send_wildly() {
    ClientSide* one = some_client();
    const std::string bytes = without_tags(input_.text(input_.byte()));
    if (one != nullptr && !one->left && !bytes.empty()) {
      one->wild = true;
      one->unsent += bytes;
      give(*one, one->unsent.size());
    }
  }

  void leave() {
    const bool resets = (input_.byte() & 1) != 0;
    ClientSide* one = some_client();
    if (one == nullptr || one->left) {
      return;
    }
    one->left = true;
    if (resets) {
      one->far->wire.broken = ECONNRESET;
    } else {
      one->far->wire.end_arrived = true;
    }
    done();
  }

  void hold_client() {
    const std::uint8_t room = input_.byte();
    if (ClientSide* one = some_client()) {
      one->far->wire.room = room >= 200 ? Wire::endless : room;
      done();
    }
  }

  // --- Backends ---

  void look_at_backends() {
    for (std::size_t i = backends_.size(); i < backends(); ++i) {
      backends_.push_back({.far = &backend(i)});
    }
    for (BackendSide& one : backends_) {
      one.seen += one.far->got();
      while (take_request(one)) {
      }
    }
  }

  bool take_request(BackendSide& one) {
    const auto request = strict::read_request(one.seen);
    if (!request) {
      return false;
    }
    const auto tags = tags_in(request->head.second);
    const std::string tag = tags.empty() ? std::string() : tags[0];
    const std::string& method = request->head.first;
    check(!one.poisoned, "a request goes over a connection that spoke out of turn");
    check(one.wild || !one.asked, "two requests on one connection at a time");
    check(one.wild || one.answered_early || one.unsent.empty(),
          "a request in the middle of an answer");
    const bool is_ours = !tag.empty();
    if (is_ours) {
      // What the backend reads is what the client wrote.
      for (const std::string& each : tags_in(request->body)) {
        check(each == tag, "a request has the body of another");
      }
      const int executions = ++executions_[tag];
      check(executions <= (method == "POST" ? 1 : 2), "a request is executed too often");
    }
    one.seen.erase(0, request->bytes);
    one.last_tag = tag;
    if (std::exchange(one.answered_early, false)) {
      return true;
    }
    one.asked = Request{tag, method, true};
    return true;
  }

  BackendSide* some_backend() {
    return backends_.empty() ? nullptr : &backends_[input_.below(backends_.size())];
  }
  static bool speaks(const BackendSide& one) {
    return !one.far->wire.closed && !one.far->wire.end_arrived && one.far->wire.broken == 0;
  }

  // A sound answer to what was asked, or to the head of what is still being asked.
  void answer() {
    BackendSide* one = some_backend();
    const std::uint8_t kind = input_.byte();
    const std::uint8_t first = input_.byte();
    if (one == nullptr || !speaks(*one) || one->wild || one->poisoned || !one->unsent.empty()) {
      return;
    }
    if (!one->asked) {
      const auto head = strict::read_request_head(one->seen);
      if (!head || one->answered_early) {
        return;
      }
      const auto tags = tags_in(head->second);
      one->asked = Request{tags.empty() ? std::string() : tags[0], head->first, true};
      one->answered_early = true;
    }
    const Request asked = *std::exchange(one->asked, std::nullopt);
    one->last_tag = asked.tag;
    const Answer answer = answer_to(asked, kind);
    one->unsent = answer.text;
    one->ends_after = answer.ends_after;
    send_answer(*one, first == 0 ? one->unsent.size() : first);
  }

  void send_answer(BackendSide& one, std::size_t bytes) {
    one.far->wire.arrived += one.unsent.substr(0, bytes);
    one.unsent.erase(0, bytes);
    if (one.unsent.empty() && std::exchange(one.ends_after, false)) {
      one.far->wire.end_arrived = true;
    }
    done();
  }

  void go_on_answering() {
    BackendSide* one = some_backend();
    const std::uint8_t bytes = input_.byte();
    if (one != nullptr && speaks(*one) && !one->unsent.empty()) {
      send_answer(*one, bytes == 0 ? one->unsent.size() : bytes);
    }
  }

  // Bytes of the input. Nothing of it has a tag, and from now on nothing else that it sends either.
  void answer_wildly() {
    BackendSide* one = some_backend();
    const std::string bytes = without_tags(input_.text(input_.byte()));
    if (one != nullptr && speaks(*one) && !bytes.empty()) {
      one->wild = true;
      one->unsent.clear();
      one->asked.reset();
      one->far->wire.arrived += bytes;
      done();
    }
  }

  void end_backend() {
    const bool resets = (input_.byte() & 1) != 0;
    BackendSide* one = some_backend();
    if (one == nullptr || !speaks(*one)) {
      return;
    }
    one->unsent.clear();
    if (resets) {
      one->far->wire.broken = ECONNRESET;
    } else {
      one->far->wire.end_arrived = true;
    }
    done();
  }

  // A whole answer that nobody asked for, with the tag of the last request on this connection.
  void speak_out_of_turn() {
    settle();
    look_at_backends();
    BackendSide* one = some_backend();
    const bool at_rest = one != nullptr && speaks(*one) && !one->wild && !one->asked &&
                         one->unsent.empty() && one->seen.empty();
    // What comes before the first request cannot be told from a quick answer to it, and is
    // nobody's.
    if (!at_rest || one->last_tag.empty()) {
      return;
    }
    one->poisoned = true;
    const std::string body = one->last_tag + ".";
    one->far->sends("HTTP/1.1 200 OK\r\nX-Tag: " + one->last_tag +
                    "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body);
  }

  void hold_backend() {
    const std::uint8_t room = input_.byte();
    if (BackendSide* one = some_backend()) {
      one->far->wire.room = room >= 200 ? Wire::endless : room;
      done();
    }
  }

  void change_connects() {
    const std::uint8_t how = input_.byte();
    FakeNetwork::Policy& policy = server();
    policy = {};
    switch (how % 4) {
      case 0:
        policy.connects = FakeNetwork::Connects::when_told;
        return;
      case 1:
        policy.refuses_later = backends() < max_backends ? ECONNREFUSED : 0;
        return;
      case 2:
        policy.refuses_now = backends() < max_backends ? EADDRNOTAVAIL : 0;
        return;
      default:
        return accept_all();
    }
  }
  void accept_all() {
    for (Wire& wire : network.backends()) {
      if (!wire.connect_result) {
        wire.connect_result = 0;
      }
    }
    done();
  }

  // --- Judgement ---

  void look_at_clients() {
    for (ClientSide& one : clients_) {
      one.received += one.far->got();
    }
  }

  // Everybody reads, nobody says anything more, and all time limits pass.
  void calm_down() {
    settles_ = true;
    server() = {};
    accept_all();
    for (ClientSide& one : clients_) {
      one.far->reads_all();
    }
    for (std::size_t i = 0; i < backends(); ++i) {
      backend(i).reads_all();
    }
    // One after the other may have to wait for an answer that does not come.
    for (std::size_t i = 0; i < max_requests + 2; ++i) {
      advance(70s);
      look_at_backends();
      look_at_clients();
    }
  }

  void judge(const ClientSide& one) {
    const std::string mark = tag_begin(static_cast<std::size_t>(&one - clients_.data()));
    for (const std::string& tag : tags_in(one.received)) {
      check(tag.starts_with(mark), "a client gets bytes of another");
    }
    if (!one.wild) {
      judge_answers(one);
    }
  }

  static void judge_tags(std::string_view bytes, const Request& request) {
    for (const std::string& tag : tags_in(bytes)) {
      check(tag == request.tag, "the answer to another request");
    }
  }

  // Its answers, each to its request and whole, unless the connection was visibly cut.
  static void judge_answers(const ClientSide& one) {
    std::string_view rest = one.received;
    std::size_t answers = 0;
    const bool is_over = one.far->wire.closed || one.far->wire.end_seen;
    while (!rest.empty()) {
      check(answers < one.requests.size(), "more answers than requests");
      const Request& request = one.requests[answers];
      // Who was too slow to say that it is a HEAD is told so like anybody else.
      const bool is_timeout = rest.starts_with("HTTP/1.1 408 ");
      const auto message =
          strict::read_response(rest, is_timeout ? std::string("GET") : request.method);
      if (!message) {
        judge_tags(rest, request);
        check(is_over || one.left, "an answer is neither finished nor cut");
        return;
      }
      const std::string& body = message->body;
      judge_tags(rest.substr(0, message->head.bytes), request);
      judge_tags(body, request);
      if (!message->ends_by_itself) {
        check(!request.http11, "an answer that ends with its connection, to HTTP/1.1");
        const bool is_ours =
            !tags_in(message->head.values("x-tag").empty() ? std::string()
                                                           : message->head.values("x-tag")[0])
                 .empty();
        check(!is_ours || body.ends_with('.') || one.far->wire.reset_seen || one.left,
              "an answer is cut and looks whole");
      }
      rest.remove_prefix(message->bytes);
      if (message->head.second[0] == '1') {
        check(request.http11, "an interim answer to HTTP/1.0");
        continue;
      }
      ++answers;
    }
    const bool all_sent = one.unsent.empty();
    check(answers == one.requests.size() || is_over || one.left || !all_sent,
          "a request is never answered");
  }

  Input input_;
  std::vector<ClientSide> clients_;
  std::vector<BackendSide> backends_;
  std::map<std::string, int> executions_;
  bool settles_ = true;
};

}  // namespace
}  // namespace holdfast

extern "C" int LLVMFuzzerInitialize(int*, char***) {
  // What the unit tests' world expects and does not see must end the run.
  GTEST_FLAG_SET(break_on_failure, true);
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  holdfast::World(holdfast::fuzz::Input(bytes, size)).run();
  return 0;
}
