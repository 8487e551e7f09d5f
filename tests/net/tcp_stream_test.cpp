#include "net/tcp_stream.h"

#include <gtest/gtest.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <string>
#include <string_view>
#include <vector>

#include "net/two_sides.h"

namespace holdfast {
namespace {

using enum StreamEvent;

using TcpStreamTest = TwoSides;

TEST_F(TcpStreamTest, Connects) {
  connect_both();
  EXPECT_EQ(left.history(), "connected ");
}

TEST_F(TcpStreamTest, TellsOfAConnectionNeverDuringTheCall) {
  left.with_stream([&](TcpStream& stream) {
    EXPECT_EQ(stream.connect(gate.address(), {}), 0);
    EXPECT_EQ(left.history_so_far(), "");
  });
  EXPECT_TRUE(left.hears(connected));
}

TEST_F(TcpStreamTest, NoticesADeadMachineWithinHalfAMinute) {
  connect_both();
  left.bear_silence(10s);  // a shorter limit is kept by whoever has it
  EXPECT_EQ(left.option(IPPROTO_TCP, TCP_USER_TIMEOUT), 30'000);
}

TEST_F(TcpStreamTest, ProbesAConnectionAtRest) {
  connect_both();
  EXPECT_EQ(left.option(SOL_SOCKET, SO_KEEPALIVE), 1);
}

// The kernel would else end what our own, longer limit still allows.
TEST_F(TcpStreamTest, BearsALongerSilenceIfItIsTold) {
  connect_both();
  left.bear_silence(5min);
  EXPECT_EQ(left.option(IPPROTO_TCP, TCP_USER_TIMEOUT), 300'000);
}

TEST_F(TcpStreamTest, BearsAnySilenceIfItIsTold) {
  connect_both();
  left.bear_silence(0s);
  EXPECT_EQ(left.option(IPPROTO_TCP, TCP_USER_TIMEOUT), 0);
}

// Bytes and a reset that are there at once: the reset must not pass for an end of stream.
TEST_F(TcpStreamTest, TellsAResetBehindBytesFromAnEnd) {
  ASSERT_EQ(left.connect(gate.address()), 0);
  const int far = gate.accept();
  ASSERT_TRUE(left.hears(connected));
  ASSERT_EQ(::send(far, "bytes", 5, 0), 5);
  const linger none{.l_onoff = 1, .l_linger = 0};
  ASSERT_EQ(setsockopt(far, SOL_SOCKET, SO_LINGER, &none, sizeof(none)), 0);
  ::close(far);
  left.read();
  EXPECT_EQ(left.received(5), "bytes");
  ASSERT_TRUE(left.hears(broken));
  EXPECT_EQ(left.system(), ECONNRESET);
  EXPECT_EQ(left.count(end), 0);
}

TEST_F(TcpStreamTest, TellsOfAnEndBehindBytesWhenBothSidesHaveEnded) {
  ASSERT_EQ(left.connect(gate.address()), 0);
  const int far = gate.accept();
  ASSERT_TRUE(left.hears(connected));
  left.shut_down();
  ASSERT_EQ(::send(far, "bytes", 5, 0), 5);
  ::close(far);
  left.read();
  EXPECT_EQ(left.received(5), "bytes");
  EXPECT_TRUE(left.hears(end));
  EXPECT_EQ(left.count(broken), 0);
}

TEST_F(TcpStreamTest, SaysThatAConnectionIsRefused) {
  const Gate shut = Gate::shut();
  ASSERT_EQ(left.connect(shut.address()), 0);
  ASSERT_TRUE(left.hears(connected));
  EXPECT_EQ(left.system(), ECONNREFUSED);
}

TEST_F(TcpStreamTest, SaysAtOnceWhatCannotEvenBeTried) {
  EXPECT_EQ(left.connect(SocketAddress()), EAFNOSUPPORT);
  EXPECT_EQ(left.history(), "");
}

TEST_F(TcpStreamTest, SaysWhyItCannotAdopt) { EXPECT_EQ(left.adopt(-1), EBADF); }

TEST_F(TcpStreamTest, CarriesBytesBothWays) {
  connect_both();
  left.read();
  right.read();
  EXPECT_EQ(left.write("ping"), WriteOutcome::written);
  EXPECT_EQ(right.received(4), "ping");
  EXPECT_EQ(right.write("pong"), WriteOutcome::written);
  EXPECT_EQ(left.received(4), "pong");
}

TEST_F(TcpStreamTest, WritesFromWithinOnBytes) {
  connect_both();
  left.read();
  right.read();
  right.in(bytes, [](TcpStream& stream) {
    const std::array<std::string_view, 1> answer{"echo"};
    EXPECT_EQ(stream.write(answer), WriteOutcome::written);
  });
  EXPECT_EQ(left.write("ping"), WriteOutcome::written);
  EXPECT_EQ(left.received(4), "echo");
}

TEST_F(TcpStreamTest, WritesAllPartsInOrder) {
  connect_both();
  right.read();
  std::vector<std::string> parts;
  for (std::size_t i = 0; i < Stream::max_parts; ++i) {
    parts.push_back(std::string(i, static_cast<char>('a' + i)));  // the first one is empty
  }
  std::string whole;
  for (const std::string& part : parts) {
    whole += part;
  }
  EXPECT_EQ(left.write({parts.begin(), parts.end()}), WriteOutcome::written);
  EXPECT_EQ(right.received(whole.size()), whole);
}

TEST_F(TcpStreamTest, WritesNothingOfAnEmptyPart) {
  connect_both();
  EXPECT_EQ(left.write(""), WriteOutcome::written);
}

TEST_F(TcpStreamTest, KeepsWhatTheKernelRefuses) {
  connect_both();
  const std::string sent = fill(left);
  EXPECT_GT(left.pending_bytes(), 0U);
  EXPECT_LE(left.pending_bytes(), 64U * 1024U);
  EXPECT_EQ(left.count(drained), 0);
  right.read();
  EXPECT_EQ(right.received(sent.size()), sent);
}

TEST_F(TcpStreamTest, SaysWhenAllThatWasRefusedIsWritten) {
  connect_both();
  fill(left);
  right.read();
  ASSERT_TRUE(left.hears(drained));
  EXPECT_EQ(left.pending_bytes(), 0U);
}

TEST_F(TcpStreamTest, KeepsTheOrderOfWritesWhilePending) {
  connect_both();
  std::string sent = fill(left);
  EXPECT_EQ(left.write("and then "), WriteOutcome::pending);
  EXPECT_EQ(left.write(std::vector<std::string_view>{"some", "more"}), WriteOutcome::pending);
  sent += "and then somemore";
  right.read();
  EXPECT_EQ(right.received(sent.size()), sent);
}

TEST_F(TcpStreamTest, SaysOnceThatSeveralWritesAreDrained) {
  connect_both();
  std::string sent = fill(left);
  EXPECT_EQ(left.write("and then "), WriteOutcome::pending);
  EXPECT_EQ(left.write("some more"), WriteOutcome::pending);
  right.read();
  ASSERT_EQ(right.received(sent.size() + 18).size(), sent.size() + 18);
  ASSERT_TRUE(left.hears(drained));
  EXPECT_EQ(left.count(drained), 1);
}

TEST_F(TcpStreamTest, KeepsAsMuchOfOneWriteAsItPromises) {
  connect_both();
  std::string sent = fill(left);
  const std::string most = pattern(Stream::max_kept_bytes);
  EXPECT_EQ(left.write({std::string_view(most).substr(0, 100), std::string_view(most).substr(100)}),
            WriteOutcome::pending);
  sent += most;
  right.read();
  EXPECT_EQ(right.received(sent.size()), sent);
}

TEST_F(TcpStreamTest, BorrowsABlockOnlyWhilePending) {
  connect_both();
  const auto lent = [this] { return thread.run([this] { return thread.loop().blocks().lent(); }); };
  EXPECT_EQ(left.write("ping"), WriteOutcome::written);
  EXPECT_EQ(lent(), 0U);
  fill(left);
  EXPECT_GT(lent(), 0U);
  right.read();
  ASSERT_TRUE(left.hears(drained));
  EXPECT_EQ(lent(), 0U);
}

TEST_F(TcpStreamTest, GivesItsBlockBackWhenClosedWhilePending) {
  connect_both();
  fill(left);
  left.close();
  ASSERT_TRUE(left.hears(closed));
  EXPECT_EQ(thread.run([this] { return thread.loop().blocks().lent(); }), 0U);
  EXPECT_EQ(left.history(), "connected closed ");
}

TEST_F(TcpStreamTest, LeavesBytesInTheKernelWhilePaused) {
  connect_both();
  right.read();
  EXPECT_EQ(left.write("one"), WriteOutcome::written);
  EXPECT_EQ(right.received(3), "one");
  right.pause();
  EXPECT_EQ(left.write("two"), WriteOutcome::written);
  EXPECT_TRUE(thread.eventually([&] { return !right.is_quiet(); }));
  EXPECT_EQ(right.received(), "one");
  right.read();
  EXPECT_EQ(right.received(6), "onetwo");
}

TEST_F(TcpStreamTest, MayPauseFromWithinOnBytes) {
  connect_both();
  right.in(bytes, [](TcpStream& stream) { stream.pause_reading(); });
  right.read();
  const std::string large = pattern(200 * 1024);
  for (std::size_t at = 0; at < large.size(); at += 50 * 1024) {
    (void)left.write(std::string_view(large).substr(at, 50 * 1024));  // pending or not
  }
  EXPECT_TRUE(right.hears(bytes));
  EXPECT_TRUE(thread.eventually([&] { return !right.is_quiet(); }));
  EXPECT_EQ(right.count(bytes), 1);
}

TEST_F(TcpStreamTest, SendsEndOfStreamWhenItShutsDown) {
  connect_both();
  right.read();
  left.shut_down();
  EXPECT_TRUE(right.hears(end));
}

TEST_F(TcpStreamTest, ReadsOnAfterItShutDown) {
  connect_both();
  left.read();
  right.read();
  left.shut_down();
  ASSERT_TRUE(right.hears(end));
  EXPECT_EQ(right.write("last words"), WriteOutcome::written);
  EXPECT_EQ(left.received(10), "last words");
}

TEST_F(TcpStreamTest, ShutsDownBehindWhatIsPending) {
  connect_both();
  const std::string sent = fill(left);
  left.shut_down();
  right.read();
  ASSERT_TRUE(right.hears(end));
  EXPECT_EQ(right.received(), sent);
}

TEST_F(TcpStreamTest, ShutsDownOnceHoweverOftenItIsAsked) {
  connect_both();
  right.read();
  left.shut_down();
  left.shut_down();
  ASSERT_TRUE(right.hears(end));
  left.shut_down();
  EXPECT_EQ(right.count(end), 1);
}

TEST_F(TcpStreamTest, WritesNothingMoreAfterItShutDown) {
  connect_both();
  left.shut_down();
  EXPECT_EQ(left.write("too late"), WriteOutcome::broken);
}

TEST_F(TcpStreamTest, HearsTheEndOfStreamOnce) {
  connect_both();
  right.read();
  left.shut_down();
  ASSERT_TRUE(right.hears(end));
  right.pause();
  right.read();
  left.close();
  ASSERT_TRUE(left.hears(closed));
  EXPECT_EQ(right.count(end), 1);
}

TEST_F(TcpStreamTest, IsQuietWhileNothingHasArrived) {
  connect_both();
  EXPECT_TRUE(right.quiet());
}

TEST_F(TcpStreamTest, IsNotQuietOnceBytesHaveArrived) {
  connect_both();
  EXPECT_EQ(left.write("x"), WriteOutcome::written);
  EXPECT_TRUE(thread.eventually([&] { return !right.is_quiet(); }));
}

TEST_F(TcpStreamTest, IsQuietAgainOnceTheBytesAreRead) {
  connect_both();
  right.read();
  EXPECT_EQ(left.write("x"), WriteOutcome::written);
  EXPECT_EQ(right.received(1), "x");
  EXPECT_TRUE(right.quiet());
}

TEST_F(TcpStreamTest, LeavesTheBytesWhereTheyAreWhenAskedIfItIsQuiet) {
  connect_both();
  EXPECT_EQ(left.write("x"), WriteOutcome::written);
  EXPECT_TRUE(thread.eventually([&] { return !right.is_quiet(); }));
  right.read();
  EXPECT_EQ(right.received(1), "x");
}

TEST_F(TcpStreamTest, IsNotQuietAtTheEndOfStream) {
  connect_both();
  left.shut_down();
  EXPECT_TRUE(thread.eventually([&] { return !right.is_quiet(); }));
}

TEST_F(TcpStreamTest, IsNotQuietAfterAReset) {
  connect_both();
  left.reset();
  EXPECT_TRUE(thread.eventually([&] { return !right.is_quiet(); }));
}

TEST_F(TcpStreamTest, MovesToAnotherLoopWithoutTheOtherSideNoticing) {
  connect_both();
  left.read();
  right.read();
  LoopThread elsewhere;
  StreamSide moved(elsewhere);
  ASSERT_EQ(moved.adopt(right.detach()), 0);
  moved.read();
  ASSERT_TRUE(right.hears(closed));
  EXPECT_EQ(left.write("ping"), WriteOutcome::written);
  EXPECT_EQ(moved.received(4), "ping");
  EXPECT_EQ(moved.write("pong"), WriteOutcome::written);
  EXPECT_EQ(left.received(4), "pong");
  EXPECT_EQ(left.history(), "connected ");
  EXPECT_EQ(right.history(), "closed ");
}

TEST_F(TcpStreamTest, TakesUnreadBytesAlongToAnotherLoop) {
  connect_both();
  EXPECT_EQ(left.write("unread"), WriteOutcome::written);
  LoopThread elsewhere;
  StreamSide moved(elsewhere);
  ASSERT_EQ(moved.adopt(right.detach()), 0);
  moved.read();
  EXPECT_EQ(moved.received(6), "unread");
}

class NobodyListens final : public StreamEvents {
  void on_bytes(std::string_view) override {}
  void on_end() override {}
  void on_broken(int) override {}
  void on_drained() override {}
  void on_connected(int) override {}
  void on_closed() override {}
};

class TcpStreamBounds : public testing::Test {
 protected:
  ~TcpStreamBounds() override {
    stream.close();
    loop.stop();
    loop.run();
    if (deaf >= 0) {
      ::close(deaf);
    }
  }

  // Connects it to one who never reads.
  void connect() {
    std::array<int, 2> ends{};
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()), 0);
    ASSERT_EQ(stream.adopt(ends[0]), 0);
    deaf = ends[1];
  }
  // Writes until the kernel refuses.
  void fill() {
    connect();
    const std::string part(32 * 1024, 'x');
    const std::array<std::string_view, 1> parts{part};
    while (stream.write(parts) == WriteOutcome::written) {
    }
  }

  Loop loop;
  NobodyListens nobody;
  TcpStream stream{loop, nobody};
  int deaf = -1;
};

// In a program of its own, as libuv ends the one that writes no parts.
TEST_F(TcpStreamBounds, WritesNothingWithoutParts) {
  connect();
  EXPECT_EXIT(::_exit(stream.write({}) == WriteOutcome::written ? 0 : 1),
              testing::ExitedWithCode(0), "");
}

TEST_F(TcpStreamBounds, DiesOfAWriteOfTooManyParts) {
  const std::vector<std::string_view> parts(Stream::max_parts + 1, "x");
  EXPECT_DEATH((void)stream.write(parts), "too many parts");
}

TEST_F(TcpStreamBounds, DiesOfAWriteOfMoreThanItCanKeep) {
  fill();
  const std::string large(Stream::max_kept_bytes, 'x');
  const std::array<std::string_view, 2> parts{large, "x"};
  EXPECT_DEATH((void)stream.write(parts), "too many bytes");
}

TEST_F(TcpStreamBounds, DiesWhenItIsDetachedWhilePending) {
  fill();
  EXPECT_DEATH((void)stream.detach(), "detached while something is pending");
}

TEST_F(TcpStreamBounds, DiesWhenItGoesBeforeItIsClosed) {
  EXPECT_DEATH(TcpStream(loop, nobody), "destroyed before it is closed");
}

// All of 127.0.0.0/8 is this machine.
TEST_F(TcpStreamTest, ComesFromTheAddressItIsTold) {
  const SocketAddress source = *SocketAddress::parse("127.0.0.9:0");
  ASSERT_EQ(left.connect(gate.address(), {.address = &source}), 0);
  const int accepted = gate.accept();
  sockaddr_in other{};
  socklen_t size = sizeof other;
  ASSERT_EQ(getpeername(accepted, reinterpret_cast<sockaddr*>(&other), &size), 0);
  EXPECT_EQ(ntohl(other.sin_addr.s_addr), 0x7f000009U);
  ASSERT_EQ(right.adopt(accepted), 0);
}

TEST_F(TcpStreamTest, ComesFromThePortsItIsToldWhereTheKernelKnowsHow) {
  if (!can_choose_ports()) {
    GTEST_SKIP() << "this kernel has no IP_LOCAL_PORT_RANGE";
  }
  ASSERT_EQ(left.connect(gate.address(), {.ports = {.first = 50100, .last = 50160}}), 0);
  const int accepted = gate.accept();
  sockaddr_in other{};
  socklen_t size = sizeof other;
  ASSERT_EQ(getpeername(accepted, reinterpret_cast<sockaddr*>(&other), &size), 0);
  EXPECT_GE(ntohs(other.sin_port), 50100);
  EXPECT_LE(ntohs(other.sin_port), 50160);
  ASSERT_EQ(right.adopt(accepted), 0);
}

TEST_F(TcpStreamTest, DoesNotComeFromAnAddressOfAnotherMachine) {
  const SocketAddress source = *SocketAddress::parse("192.0.2.77:0");
  EXPECT_EQ(left.connect(gate.address(), {.address = &source}), EADDRNOTAVAIL);
  EXPECT_EQ(try_source(source), EADDRNOTAVAIL);
  EXPECT_EQ(try_source(*SocketAddress::parse("127.0.0.1:0")), 0);
}

}  // namespace
}  // namespace holdfast
