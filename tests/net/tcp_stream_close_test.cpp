#include <gtest/gtest.h>

#include <array>
#include <cerrno>
#include <string_view>

#include "net/two_sides.h"

namespace holdfast {
namespace {

using enum StreamEvent;

using TcpStreamClose = TwoSides;

TEST_F(TcpStreamClose, ClosesWithEndOfStream) {
  connect_both();
  right.read();
  EXPECT_EQ(left.write("bye"), WriteOutcome::written);
  left.close();
  ASSERT_TRUE(right.hears(end));
  EXPECT_EQ(right.received(), "bye");
  EXPECT_EQ(right.count(broken), 0);
}

TEST_F(TcpStreamClose, HearsNothingButOnClosedAfterClose) {
  connect_both();
  left.read();
  EXPECT_EQ(right.write("too late"), WriteOutcome::written);
  right.close();
  left.with_stream([](TcpStream& stream) {
    stream.close();
    stream.close();
    stream.reset();
    stream.start_reading();
    stream.pause_reading();
    stream.shut_down();
    EXPECT_FALSE(stream.quiet());
    EXPECT_EQ(stream.detach(), -1);
    const std::array<std::string_view, 1> parts{"too late"};
    EXPECT_EQ(stream.write(parts), WriteOutcome::broken);
  });
  ASSERT_TRUE(left.hears(closed));
  ASSERT_TRUE(right.hears(closed));
  EXPECT_EQ(left.count(closed), 1);
}

TEST_F(TcpStreamClose, TellsOfItsCloseNeverDuringTheCall) {
  left.with_stream([&](TcpStream& stream) {
    stream.close();
    EXPECT_EQ(left.history_so_far(), "");
  });
  EXPECT_TRUE(left.hears(closed));
}

TEST_F(TcpStreamClose, ClosesBeforeItWasConnected) {
  left.close();
  ASSERT_TRUE(left.hears(closed));
  EXPECT_EQ(left.history(), "closed ");
}

TEST_F(TcpStreamClose, ClosesWhileConnectingWithoutAWordOfTheAttempt) {
  left.with_stream([&](TcpStream& stream) {
    EXPECT_EQ(stream.connect(gate.address(), {}), 0);
    stream.close();
  });
  ASSERT_TRUE(left.hears(closed));
  EXPECT_EQ(left.history(), "closed ");
}

TEST_F(TcpStreamClose, ClosesAfterAConnectionThatCouldNotBeTried) {
  ASSERT_NE(left.connect(SocketAddress()), 0);
  left.close();
  EXPECT_TRUE(left.hears(closed));
}

TEST_F(TcpStreamClose, ResetsSoThatTheOtherSideCanTell) {
  connect_both();
  right.read();
  left.reset();
  ASSERT_TRUE(right.hears(broken));
  EXPECT_EQ(right.system(), ECONNRESET);
  EXPECT_EQ(right.count(end), 0);
  EXPECT_TRUE(left.hears(closed));
}

TEST_F(TcpStreamClose, DropsWhatIsPendingWhenItResets) {
  connect_both();
  fill(left);
  left.reset();
  ASSERT_TRUE(left.hears(closed));
  EXPECT_EQ(left.history(), "connected closed ");
}

TEST_F(TcpStreamClose, ResetsWithinOneCloseHoweverOftenItIsAsked) {
  connect_both();
  left.with_stream([](TcpStream& stream) {
    stream.reset();
    stream.reset();
    stream.close();
  });
  ASSERT_TRUE(left.hears(closed));
  EXPECT_EQ(left.count(closed), 1);
}

TEST_F(TcpStreamClose, ClosesWhenAskedToResetAfterItShutDown) {
  connect_both();
  right.read();
  left.shut_down();
  left.reset();
  EXPECT_TRUE(left.hears(closed));
  EXPECT_TRUE(right.hears(end));
}

TEST_F(TcpStreamClose, WritesNothingToABrokenConnection) {
  connect_both();
  right.read();
  left.reset();
  ASSERT_TRUE(right.hears(broken));
  EXPECT_EQ(right.write("anybody there"), WriteOutcome::broken);
}

TEST_F(TcpStreamClose, SaysThatItIsBrokenWhenWhatIsPendingCannotBeWritten) {
  connect_both();
  fill(left);
  right.reset();
  ASSERT_TRUE(left.hears(broken));
  EXPECT_EQ(left.count(drained), 0);
}

TEST_F(TcpStreamClose, SaysOnceThatItIsBroken) {
  connect_both();
  left.read();
  fill(left);
  EXPECT_EQ(left.write("and then "), WriteOutcome::pending);
  EXPECT_EQ(left.write("some more"), WriteOutcome::pending);
  right.reset();
  ASSERT_TRUE(left.hears(broken));
  left.with_stream([](TcpStream&) {});  // a turn of the loop later
  EXPECT_EQ(left.count(broken), 1);
}

constexpr const char* name_of(StreamEvent event) {
  switch (event) {
    case bytes:
      return "OnBytes";
    case end:
      return "OnEnd";
    case broken:
      return "OnBroken";
    case drained:
      return "OnDrained";
    case connected:
      return "OnConnected";
    case closed:
      return "OnClosed";
  }
  return "";
}

// Each event can be the last but one: its owner closes the stream in it, and hears of nothing else.
class CloseWithin : public TwoSides, public testing::WithParamInterface<StreamEvent> {
 protected:
  // Lets the event happen on the left side.
  void provoke(StreamEvent event) {
    switch (event) {
      case bytes:
        EXPECT_EQ(right.write("x"), WriteOutcome::written);
        return left.read();
      case end:
        right.shut_down();
        return left.read();
      case broken:
        fill(left);
        EXPECT_EQ(left.write("more"), WriteOutcome::pending);
        left.read();
        return right.reset();
      case drained:
        fill(left);
        EXPECT_EQ(left.write("more"), WriteOutcome::pending);
        return right.read();
      case connected:
      case closed:
        return;
    }
  }
};

TEST_P(CloseWithin, IsFollowedByOnClosedOnly) {
  const StreamEvent event = GetParam();
  left.in(event, [](TcpStream& stream) { stream.close(); });
  connect_both();
  provoke(event);
  ASSERT_TRUE(left.hears(closed));
  EXPECT_EQ(left.count(event), 1);
  EXPECT_EQ(left.count(closed), 1);
}

INSTANTIATE_TEST_SUITE_P(EachEvent, CloseWithin,
                         testing::Values(bytes, end, broken, drained, connected),
                         [](const auto& row) { return name_of(row.param); });

}  // namespace
}  // namespace holdfast
