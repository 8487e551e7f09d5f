#include <map>
#include <random>

#include "proxy/fake_world.h"

namespace holdfast {
namespace {

// Reads, writes and turns come in any order and any pieces, as a seed will have it, and still every
// client gets its own answers, whole and in order.
class AStorm : public ProxyTest, public testing::WithParamInterface<std::uint64_t> {
 protected:
  AStorm() : random_(GetParam()) {
    network.storm(GetParam());
    upstream.pool.max_connections = 3;
    upstream.queue.timeout = 0s;
    listener.timeouts = {0s, 0s, 0s, 0s};
  }

  std::size_t pick(std::size_t below) { return random_() % below; }

  // A request whose answer can be told: its tag stands in target and body.
  std::string request(const std::string& tag) {
    const std::string body = tag + std::string(pick(3) == 0 ? pick(50'000) : pick(50), 'b');
    switch (pick(3)) {
      case 0:
        return get_of("/" + tag);
      case 1:
        return "POST /" + tag +
               " HTTP/1.1\r\nHost: a\r\nContent-Length: " + std::to_string(body.size()) +
               "\r\n\r\n" + body;
      default:
        return "POST /" + tag + " HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" +
               hex(body.size()) + "\r\n" + body + "\r\n0\r\n\r\n";
    }
  }

  // Serves what has come over a connection completely, in one of several ways.
  void serve(Far& at) {
    std::string& seen = seen_[&at];
    seen += at.got();
    while (const std::size_t size = message_bytes(seen)) {
      const std::string tag = tag_of(seen);
      EXPECT_TRUE(body_fits(seen.substr(0, size), tag));
      seen.erase(0, size);
      const std::string body = tag + std::string(pick(4) == 0 ? pick(80'000) : 0, 'y') + ".";
      if (logins_ && log_in(at, tag)) {
        at.wire.arrived += "HTTP/1.1 200 OK\r\nAuthentication-Info: NTLM\r\nContent-Length: " +
                           std::to_string(body.size()) + "\r\n\r\n" + body;
        continue;
      }
      switch (pick(4)) {
        case 0:
          at.wire.arrived += "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" +
                             hex(body.size()) + "\r\n" + body + "\r\n0\r\n\r\n";
          break;
        case 1:
          at.wire.arrived += "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + body;
          at.wire.end_arrived = true;
          break;
        default:
          at.wire.arrived += ok_of(body);
      }
    }
  }

  // A third of the requests log their client in, and then the connection must be that client's.
  bool log_in(Far& at, const std::string& tag) {
    const std::string who = tag.substr(0, tag.find('-'));
    const auto owner = owners_.find(&at);
    if (owner != owners_.end()) {
      EXPECT_EQ(owner->second, who) << "another's login, seed " << GetParam();
      ++uses_of_logins_;
      return false;
    }
    if (pick(3) != 0) {
      return false;
    }
    owners_[&at] = who;
    return true;
  }

  static std::string hex(std::size_t number) {
    char text[32];
    std::snprintf(text, sizeof(text), "%zx", number);
    return text;
  }

  // The size of the complete message at the front, or 0.
  static std::size_t message_bytes(const std::string& bytes) {
    const std::size_t end = bytes.find("\r\n\r\n");
    if (end == std::string::npos) {
      return 0;
    }
    const std::string head = bytes.substr(0, end + 2);
    const std::size_t body = end + 4;
    if (head.find("chunked") != std::string::npos) {
      const std::size_t last = bytes.find("0\r\n\r\n", body);
      return last == std::string::npos ? 0 : whole_chunks(bytes, body);
    }
    const std::size_t length = head.find("Content-Length: ");
    const std::size_t size = length == std::string::npos ? 0 : std::stoul(head.substr(length + 16));
    return bytes.size() >= body + size ? body + size : 0;
  }

  static std::size_t whole_chunks(const std::string& bytes, std::size_t at) {
    while (true) {
      const std::size_t line = bytes.find("\r\n", at);
      if (line == std::string::npos) {
        return 0;
      }
      const std::size_t size = std::stoul(bytes.substr(at, line - at), nullptr, 16);
      at = line + 2 + size + 2;
      if (at > bytes.size()) {
        return 0;
      }
      if (size == 0) {
        return at;
      }
    }
  }

  static std::string tag_of(const std::string& message) {
    const std::size_t begin = message.find('/') + 1;
    return message.substr(begin, message.find(' ', begin) - begin);
  }
  static std::string body_of(const std::string& message) {
    std::size_t at = message.find("\r\n\r\n") + 4;
    if (message.find("chunked") > at) {
      return message.substr(at);
    }
    std::string body;
    while (const std::size_t size = std::stoul(message.substr(at, 16), nullptr, 16)) {
      at = message.find("\r\n", at) + 2;
      body += message.substr(at, size);
      at += size + 2;
    }
    return body;
  }
  static bool body_fits(const std::string& message, const std::string& tag) {
    return message.starts_with("GET ") || body_of(message).starts_with(tag);
  }

  // Serves until nothing moves any more.
  void serve_all() {
    settle();
    while (serve_what_is_there() || others_make_way()) {
      settle();
    }
  }
  // Clients that have logged in and rest make way after a while.
  bool others_make_way() {
    if (!logins_ || waiting() == 0) {
      return false;
    }
    check(++times_made_way_ < 1000, "those who wait are never served");
    advance(1s + 10ms);
    return true;
  }
  bool serve_what_is_there() {
    bool any = false;
    for (std::size_t i = 0; i < backends(); ++i) {
      Far& at = backend(i);
      if (!at.wire.closed && !at.wire.written.empty()) {
        serve(at);
        any = true;
      }
    }
    return any;
  }

  // The answers of a client must be those to its tags, in order.
  void expect_answers(Far& far, const std::vector<std::string>& tags) {
    std::string bytes = far.got();
    for (const std::string& tag : tags) {
      const std::size_t size = message_bytes(bytes);
      ASSERT_GT(size, 0U) << "no answer to " << tag << ", seed " << GetParam();
      const std::string answer = bytes.substr(0, size);
      ASSERT_TRUE(answer.starts_with("HTTP/1.1 200 OK\r\n")) << answer.substr(0, 300);
      ASSERT_TRUE(body_of(answer).starts_with(tag)) << "a foreign answer, seed " << GetParam();
      ASSERT_TRUE(body_of(answer).ends_with(".")) << "a cut answer, seed " << GetParam();
      bytes.erase(0, size);
    }
    EXPECT_EQ(bytes, "");
  }

  void run(unsigned clients, unsigned requests) {
    std::vector<Far*> far;
    std::vector<std::vector<std::string>> tags(clients);
    for (unsigned i = 0; i < clients; ++i) {
      far.push_back(&client(i % worker_count));
    }
    for (unsigned round = 0; round < requests; ++round) {
      for (unsigned i = 0; i < clients; ++i) {
        const std::string tag = "t" + std::to_string(i) + "-" + std::to_string(round) + "-";
        tags[i].push_back(tag);
        far[i]->wire.arrived += request(tag);
        if (pick(2) == 0) {
          settle();
        }
      }
      if (pick(2) == 0) {
        serve_all();
      }
    }
    serve_all();
    for (unsigned i = 0; i < clients; ++i) {
      expect_answers(*far[i], tags[i]);
    }
    EXPECT_EQ(waiting(), 0U);
  }

  bool logins_ = false;
  std::size_t uses_of_logins_ = 0;

 private:
  std::size_t times_made_way_ = 0;
  std::mt19937_64 random_;
  std::map<Far*, std::string> owners_;  // of connections over which somebody has logged in
  std::map<Far*, std::string> seen_;
};

TEST_P(AStorm, LosesNoAnswerAndMixesNone) { run(6, 6); }

TEST_P(AStorm, LosesNoAnswerAmongThreeWorkers) {
  worker_count = 3;
  upstream.pool.max_idle = 3;
  run(7, 5);
}

TEST_P(AStorm, LogsInNobodyAsAnother) {
  logins_ = true;
  run(6, 6);
  EXPECT_GT(uses_of_logins_, 0U);
}

TEST_P(AStorm, LogsInNobodyAsAnotherAmongThreeWorkers) {
  logins_ = true;
  worker_count = 3;
  run(7, 5);
}

INSTANTIATE_TEST_SUITE_P(Seeds, AStorm, testing::Range<std::uint64_t>(1, 25));

}  // namespace
}  // namespace holdfast
