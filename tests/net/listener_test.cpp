#include "net/listener.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cerrno>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "net/stream_side.h"

namespace holdfast {
namespace {

// A listener on a free loopback port and the streams of those it lets in.
class ListenerTest : public testing::Test, public ListenerEvents {
 protected:
  ~ListenerTest() override {
    thread.run([this] { listener.close(); });
    for (const int descriptor : taken) {
      ::close(descriptor);
    }
  }

  int listen() {
    const auto opened = open_listening_socket(any_port, PortSharing::exclusive);
    EXPECT_TRUE(opened);
    address = bound_address(*opened);
    return thread.run([&] { return listener.listen(*opened); });
  }
  // Says what becomes of each connection.
  void on_each(std::function<void()> reaction) {
    thread.run([&] { on_each_ = std::move(reaction); });
  }
  // Lets the next one in.
  int accept() {
    auto side = std::make_unique<StreamSide>(thread);
    int status = 0;
    side->with_stream([&](TcpStream& stream) { status = listener.accept(stream); });
    let_in.push_back(std::move(side));
    return status;
  }
  bool hears_of(int connections) {
    return thread.eventually([&] { return connections_ >= connections; });
  }
  int connections() {
    return thread.run([this] { return connections_; });
  }
  std::vector<int> take_waiting() {
    std::vector<int> now;
    thread.run([&] { listener.take_waiting([&](int descriptor) { now.push_back(descriptor); }); });
    taken.insert(taken.end(), now.begin(), now.end());
    return now;
  }
  void connect(StreamSide& side) {
    ASSERT_EQ(side.connect(address), 0);
    ASSERT_TRUE(side.hears(StreamEvent::connected));
    ASSERT_EQ(side.system(), 0);
  }

  void on_connection() override {
    ++connections_;
    if (on_each_) {
      on_each_();
    }
  }
  void on_accept_failed(int system) override { failed_with = system; }

  const SocketAddress any_port = *SocketAddress::parse("127.0.0.1:0");
  LoopThread thread;
  Listener listener{thread.loop(), *this};
  SocketAddress address;
  StreamSide client{thread};
  StreamSide second{thread};
  std::vector<std::unique_ptr<StreamSide>> let_in;
  std::vector<int> taken;
  int failed_with = 0;

 private:
  std::function<void()> on_each_;
  int connections_ = 0;
};

TEST_F(ListenerTest, FindsAFreePortWhenAskedForNone) {
  ASSERT_EQ(listen(), 0);
  EXPECT_NE(address.port(), 0);
  EXPECT_TRUE(address == *SocketAddress::parse("127.0.0.1:" + std::to_string(address.port())));
}

TEST_F(ListenerTest, LetsAConnectionIn) {
  ASSERT_EQ(listen(), 0);
  connect(client);
  ASSERT_TRUE(hears_of(1));
  ASSERT_EQ(accept(), 0);
  let_in[0]->read();
  EXPECT_EQ(client.write("hello"), WriteOutcome::written);
  EXPECT_EQ(let_in[0]->received(5), "hello");
}

TEST_F(ListenerTest, HoldsTheOthersBackUntilTheFirstIsAccepted) {
  ASSERT_EQ(listen(), 0);
  connect(client);
  connect(second);
  ASSERT_TRUE(hears_of(1));
  EXPECT_EQ(connections(), 1);
  ASSERT_EQ(accept(), 0);
  EXPECT_TRUE(hears_of(2));
  EXPECT_EQ(accept(), 0);
}

TEST_F(ListenerTest, HasNothingToAcceptBeforeAConnection) {
  ASSERT_EQ(listen(), 0);
  EXPECT_EQ(accept(), EAGAIN);
  connect(client);
  EXPECT_TRUE(hears_of(1));
}

TEST_F(ListenerTest, GoesOnAfterAFailedAccept) {
  ASSERT_EQ(listen(), 0);
  connect(client);
  ASSERT_TRUE(hears_of(1));
  client.with_stream([this](TcpStream& busy) { EXPECT_EQ(listener.accept(busy), EBUSY); });
  connect(second);
  EXPECT_TRUE(hears_of(2));
  EXPECT_EQ(accept(), 0);
}

TEST_F(ListenerTest, MayBeClosedRightAfterAFailedAccept) {
  ASSERT_EQ(listen(), 0);
  connect(client);
  ASSERT_TRUE(hears_of(1));
  client.with_stream([this](TcpStream& busy) {
    EXPECT_EQ(listener.accept(busy), EBUSY);
    listener.close();
  });
  ASSERT_EQ(second.connect(address), 0);
  ASSERT_TRUE(second.hears(StreamEvent::connected));
  EXPECT_EQ(second.system(), ECONNREFUSED);
}

TEST_F(ListenerTest, RefusesConnectionsOnceClosed) {
  ASSERT_EQ(listen(), 0);
  thread.run([this] { listener.close(); });
  ASSERT_EQ(client.connect(address), 0);
  ASSERT_TRUE(client.hears(StreamEvent::connected));
  EXPECT_EQ(client.system(), ECONNREFUSED);
}

TEST_F(ListenerTest, ClosesOnceHoweverOftenItIsAsked) {
  ASSERT_EQ(listen(), 0);
  thread.run([this] {
    listener.close();
    listener.close();
  });
}

TEST_F(ListenerTest, MayBeClosedInOnConnection) {
  ASSERT_EQ(listen(), 0);
  on_each([this] { listener.close(); });
  connect(client);
  EXPECT_TRUE(hears_of(1));
}

TEST_F(ListenerTest, TakesThoseWhoWaitInTheKernel) {
  ASSERT_EQ(listen(), 0);
  connect(client);
  connect(second);
  ASSERT_TRUE(hears_of(1));
  ASSERT_FALSE(take_waiting().empty());
}

// libuv has taken the first from the kernel already when it tells of it.
TEST_F(ListenerTest, TakesTheOneItToldOfButThatWasNotAccepted) {
  ASSERT_EQ(listen(), 0);
  connect(client);
  connect(second);
  ASSERT_TRUE(hears_of(1));
  EXPECT_EQ(take_waiting().size(), 2U);
}

TEST_F(ListenerTest, TakesNobodyOnceClosed) {
  ASSERT_EQ(listen(), 0);
  thread.run([this] { listener.close(); });
  EXPECT_TRUE(take_waiting().empty());
}

TEST_F(ListenerTest, SaysThatAnAddressIsTaken) {
  ASSERT_EQ(listen(), 0);
  const auto again = open_listening_socket(address, PortSharing::exclusive);
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error(), EADDRINUSE);
}

TEST_F(ListenerTest, SharesAPortAmongWorkers) {
  const auto first = open_listening_socket(any_port, PortSharing::shared);
  ASSERT_TRUE(first);
  const auto other = open_listening_socket(bound_address(*first), PortSharing::shared);
  ASSERT_TRUE(other);
  EXPECT_EQ(thread.run([&] { return listener.listen(*first); }), 0);
  EXPECT_EQ(::listen(*other, 1), 0);
  ::close(*other);
}

TEST_F(ListenerTest, SaysWhyItCannotListen) {
  EXPECT_EQ(thread.run([this] { return listener.listen(-1); }), EBADF);
}

}  // namespace
}  // namespace holdfast
