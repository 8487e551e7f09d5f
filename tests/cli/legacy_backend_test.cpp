#include "cli/legacy_backend.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <algorithm>
#include <array>
#include <string>
#include <string_view>

namespace holdfast {
namespace {

// A blocking client; it waits for an answer at most as long as a broken test may take.
class Caller {
 public:
  explicit Caller(const LegacyBackend& backend) : socket_(socket(AF_INET, SOCK_STREAM, 0)) {
    const timeval patience{10, 0};
    EXPECT_EQ(setsockopt(socket_.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience), 0);
    const SocketAddress& to = backend.address();
    EXPECT_EQ(connect(socket_.get(), &to.raw(), to.raw_bytes()), 0);
  }

  void say(std::string_view text) {
    EXPECT_EQ(send(socket_.get(), text.begin(), text.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(text.size()));
  }

  void stop_talking() { EXPECT_EQ(shutdown(socket_.get(), SHUT_WR), 0); }

  // Everything up to the last byte of `end`.
  std::string hear_until(std::string_view end) {
    std::string heard;
    while (!heard.ends_with(end) && hear_more(heard, 1)) {
    }
    return heard;
  }

  // Everything until the backend closes.
  std::string hear_all() {
    std::string heard;
    while (hear_more(heard, 4096)) {
    }
    return heard;
  }

 private:
  bool hear_more(std::string& heard, std::size_t most) {
    std::array<char, 4096> block;
    const ssize_t got = recv(socket_.get(), &block.front(), std::min(most, block.size()), 0);
    EXPECT_GE(got, 0) << "no answer in time";
    heard.append(&block.front(), got > 0 ? static_cast<std::size_t>(got) : 0);
    return got > 0;
  }

  Descriptor socket_;
};

class LegacyBackendTest : public testing::Test {
 protected:
  LegacyBackendTest() : started_(LegacyBackend::start()) {}
  void SetUp() override { ASSERT_TRUE(started_); }

  LegacyBackend& backend() { return **started_; }

 private:
  Result<std::unique_ptr<LegacyBackend>> started_;
};

constexpr std::string_view keep_alive = "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n";

TEST_F(LegacyBackendTest, ClosesAfterAnAnswer) {
  Caller caller(backend());
  caller.say("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  const std::string answer = caller.hear_all();
  EXPECT_TRUE(answer.starts_with("HTTP/1.0 200 OK\r\n"));
  EXPECT_TRUE(answer.ends_with("connection 1, request 1 on it.\n"));
  EXPECT_EQ(answer.find("keep-alive"), std::string::npos);
}

TEST_F(LegacyBackendTest, KeepsTheConnectionThatAsksForIt) {
  Caller caller(backend());
  caller.say(keep_alive);
  const std::string first = caller.hear_until("request 1 on it.\n");
  EXPECT_NE(first.find("Connection: keep-alive\r\n"), std::string::npos);
  caller.say(keep_alive);
  caller.hear_until("connection 1, request 2 on it.\n");
  EXPECT_EQ(backend().counts().accepted, 1U);
  EXPECT_EQ(backend().counts().answered, 2U);
}

TEST_F(LegacyBackendTest, AnswersRequestsSentInOneGoInTheirOrder) {
  Caller caller(backend());
  caller.say(std::string(keep_alive) + std::string(keep_alive) + "GET / HTTP/1.0\r\n\r\n");
  const std::string answers = caller.hear_all();
  EXPECT_LT(answers.find("request 1 on it"), answers.find("request 2 on it"));
  EXPECT_TRUE(answers.ends_with("request 3 on it.\n"));
}

TEST_F(LegacyBackendTest, ReadsARequestInPieces) {
  Caller caller(backend());
  for (const char& piece : keep_alive) {
    caller.say({&piece, 1});
  }
  caller.hear_until("request 1 on it.\n");
}

TEST_F(LegacyBackendTest, TakesABodyOfKnownLength) {
  Caller caller(backend());
  caller.say("POST / HTTP/1.0\r\nConnection: keep-alive\r\nContent-Length: 5\r\n\r\nhe");
  caller.say("llo");
  caller.hear_until("request 1 on it.\n");
  caller.say(keep_alive);
  caller.hear_until("request 2 on it.\n");
}

TEST_F(LegacyBackendTest, ClosesAfterAChunkedRequest) {
  Caller caller(backend());
  caller.say("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nConnection: keep-alive\r\n\r\n");
  EXPECT_TRUE(caller.hear_all().starts_with("HTTP/1.0 501 "));
}

TEST_F(LegacyBackendTest, ForgetsACallerThatLeaves) {
  {
    Caller caller(backend());
    caller.say(keep_alive);
    caller.hear_until("request 1 on it.\n");
    caller.stop_talking();
    EXPECT_EQ(caller.hear_all(), "");
  }
  Caller next(backend());
  next.say(keep_alive);
  next.hear_until("connection 2, request 1 on it.\n");
  EXPECT_EQ(backend().counts().accepted, 2U);
  EXPECT_EQ(backend().counts().most_open, 1U);
}

TEST_F(LegacyBackendTest, ClosesItsConnectionsWhenItEnds) {
  auto started = LegacyBackend::start();
  ASSERT_TRUE(started);
  Caller caller(**started);
  caller.say(keep_alive);
  caller.hear_until("request 1 on it.\n");
  started->reset();
  EXPECT_EQ(caller.hear_all(), "");
}

}  // namespace
}  // namespace holdfast
