#include "cli/short_clients.h"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "cli/descriptor.h"
#include "cli/legacy_backend.h"

namespace holdfast {
namespace {

// A socket on 127.0.0.1 with a port of its own, which never answers: nobody accepts.
class Silent {
 public:
  enum class Listens { yes, no };

  explicit Silent(Listens listens) : socket_(socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t bytes = sizeof address;
    auto* raw = reinterpret_cast<sockaddr*>(&address);
    EXPECT_EQ(bind(socket_.get(), raw, bytes), 0);
    EXPECT_EQ(getsockname(socket_.get(), raw, &bytes), 0);
    if (listens == Listens::yes) {
      EXPECT_EQ(listen(socket_.get(), 16), 0);
    }
    address_ = SocketAddress(*raw);
  }

  [[nodiscard]] const SocketAddress& address() const { return address_; }

 private:
  Descriptor socket_;
  SocketAddress address_;
};

TEST(ShortClients, OpenOneConnectionPerRequest) {
  const auto backend = LegacyBackend::start();
  ASSERT_TRUE(backend);
  const ShortLoadReport report = run_short_clients({(*backend)->address(), 200, 10, Duration(10s)});
  EXPECT_EQ(report.answered, 200U);
  EXPECT_EQ(report.failed(), 0U);
  EXPECT_GT(report.requests_per_second(), 0);
  EXPECT_EQ((*backend)->counts().accepted, 200U);
  EXPECT_LE((*backend)->counts().most_open, 10U);
}

TEST(ShortClients, AreNoMoreThanTheirRequests) {
  const auto backend = LegacyBackend::start();
  ASSERT_TRUE(backend);
  const ShortLoadReport report = run_short_clients({(*backend)->address(), 3, 50, Duration(10s)});
  EXPECT_EQ(report.answered, 3U);
  EXPECT_EQ((*backend)->counts().accepted, 3U);
}

TEST(ShortClients, TellHowFarTheyAre) {
  const auto backend = LegacyBackend::start();
  ASSERT_TRUE(backend);
  unsigned finished = 0;
  const auto report = run_short_clients({(*backend)->address(), 20, 2, Duration(10s)},
                                        [&finished](unsigned now) { finished = now; });
  EXPECT_EQ(report.finished(), 20U);
  EXPECT_EQ(finished, 20U);
}

TEST(ShortClients, CountRefusedConnections) {
  const Silent nobody(Silent::Listens::no);
  const ShortLoadReport report = run_short_clients({nobody.address(), 5, 2, Duration(10s)});
  EXPECT_EQ(report.refused, 5U);
  EXPECT_EQ(report.answered, 0U);
}

TEST(ShortClients, GiveUpAfterTheirPatience) {
  const Silent silent(Silent::Listens::yes);
  const ShortLoadReport report = run_short_clients({silent.address(), 2, 2, Duration(1ms)});
  EXPECT_EQ(report.late, 2U);
}

TEST(ShortClients, CountNothingWhenNothingIsAsked) {
  const Silent nobody(Silent::Listens::no);
  EXPECT_EQ(run_short_clients({nobody.address(), 0, 2, Duration(1s)}).finished(), 0U);
}

TEST(ShortClients, BelieveOnlyAWholeAnswer) {
  EXPECT_TRUE(is_whole_answer("HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nab"));
  EXPECT_TRUE(is_whole_answer("HTTP/1.1 200 OK\r\nA: b\r\ncontent-length:0\r\n\r\n"));
  EXPECT_FALSE(is_whole_answer("HTTP/1.0 200 OK\r\nContent-Length: 3\r\n\r\nab"));
  EXPECT_FALSE(is_whole_answer("HTTP/1.0 200 OK\r\n\r\nab"));
  EXPECT_FALSE(is_whole_answer("HTTP/1.0 503 No\r\nContent-Length: 2\r\n\r\nab"));
  EXPECT_FALSE(is_whole_answer("HTTP/1.0 200 OK\r\nContent-Length: 2"));
  EXPECT_FALSE(is_whole_answer(""));
}

}  // namespace
}  // namespace holdfast
