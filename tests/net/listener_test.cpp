#include "net/listener.h"

#include <gtest/gtest.h>
#include <netinet/tcp.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
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

  int listen(Duration write_timeout = 30s) {
    const auto opened = open_listening_socket(any_port, PortSharing::exclusive, write_timeout);
    EXPECT_TRUE(opened);
    address = bound_address(*opened);
    return thread.run([&] { return listener.listen(*opened); });
  }
  // Says what is done when the listener asks, and when a connection has come in.
  void on_each(std::function<void()> reaction) {
    thread.run([&] { on_each_ = std::move(reaction); });
  }
  void when_asked(std::function<void()> reaction) {
    thread.run([&] { when_asked_ = std::move(reaction); });
  }
  // How many more are let in before may_accept says no.
  void make_room(int connections) {
    thread.run([&] {
      room_ = connections;
      listener.resume();
    });
  }
  bool hears_of(std::size_t connections) {
    return thread.eventually([&] { return taken.size() >= connections; });
  }
  bool was_asked(int times) {
    return thread.eventually([&] { return asked_ >= times; });
  }
  bool fails_with(int system) {
    return thread.eventually([&] { return failed_with_ == system; });
  }
  std::size_t connections() {
    return thread.run([this] { return taken.size(); });
  }
  int asked() {
    return thread.run([this] { return asked_; });
  }
  int unused() {
    return thread.run([this] { return unused_; });
  }
  std::size_t take_waiting() {
    const std::size_t before = connections();
    thread.run([&] {
      listener.take_waiting([&](int descriptor, const IpAddress&) { taken.push_back(descriptor); });
    });
    return connections() - before;
  }
  void connect(StreamSide& side) {
    ASSERT_EQ(side.connect(address), 0);
    ASSERT_TRUE(side.hears(StreamEvent::connected));
    ASSERT_EQ(side.system(), 0);
  }

  [[nodiscard]] bool may_accept() override {
    ++asked_;
    if (when_asked_) {
      when_asked_();
    }
    return room_ > 0;
  }
  void on_accepted(int descriptor, const IpAddress& address_of) override {
    --room_;
    taken.push_back(descriptor);
    from.push_back(address_of);
    if (on_each_) {
      on_each_();
    }
  }
  void on_none_accepted() override { ++unused_; }
  void on_accept_failed(int system) override { failed_with_ = system; }

  const SocketAddress any_port = *SocketAddress::parse("127.0.0.1:0");
  LoopThread thread;
  Listener listener{thread.loop(), *this};
  SocketAddress address;
  StreamSide client{thread};
  StreamSide second{thread};
  std::vector<int> taken;
  std::vector<IpAddress> from;

 private:
  std::function<void()> on_each_;
  std::function<void()> when_asked_;
  int room_ = 1000;
  int asked_ = 0;
  int unused_ = 0;
  int failed_with_ = 0;
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
  StreamSide inside{thread};
  ASSERT_EQ(inside.adopt(taken.back()), 0);
  taken.pop_back();
  inside.read();
  EXPECT_EQ(client.write("hello"), WriteOutcome::written);
  EXPECT_EQ(inside.received(5), "hello");
}

TEST_F(ListenerTest, SaysFromWhereAConnectionComes) {
  ASSERT_EQ(listen(), 0);
  connect(client);
  ASSERT_TRUE(hears_of(1));
  char text[IpAddress::max_text];
  EXPECT_EQ(from[0].write_text(text), "127.0.0.1");
}

TEST_F(ListenerTest, LeavesTheOthersInTheKernelUntilThereIsRoom) {
  ASSERT_EQ(listen(), 0);
  make_room(1);
  connect(client);
  ASSERT_TRUE(hears_of(1));
  connect(second);
  const int before = asked();
  EXPECT_EQ(connections(), 1U);
  EXPECT_LE(asked(), before + 1);  // a listener that is told no does not ask again and again
  make_room(1);
  EXPECT_TRUE(hears_of(2));
}

TEST_F(ListenerTest, SaysThatARoomWasNotUsed) {
  ASSERT_EQ(listen(), 0);
  connect(client);
  ASSERT_TRUE(hears_of(1));
  // Each yes is followed by a connection, or by this.
  EXPECT_EQ(static_cast<std::size_t>(unused()) + connections(), static_cast<std::size_t>(asked()));
}

// The descriptors run out under the listener's feet: the connection waits until there are some.
TEST_F(ListenerTest, KeepsThoseItCannotAcceptInTheKernel) {
  ASSERT_EQ(listen(), 0);
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
  when_asked([&] {
    const rlimit none{.rlim_cur = 0, .rlim_max = before.rlim_max};
    EXPECT_EQ(setrlimit(RLIMIT_NOFILE, &none), 0);
  });
  connect(client);
  EXPECT_TRUE(fails_with(EMFILE));
  EXPECT_EQ(connections(), 0U);
  const int asked_before = asked();
  when_asked(nullptr);
  EXPECT_EQ(setrlimit(RLIMIT_NOFILE, &before), 0);
  EXPECT_EQ(asked(), asked_before);  // until it is told to go on
  make_room(1);
  EXPECT_TRUE(hears_of(1));
}

TEST_F(ListenerTest, AcceptsABoundedNumberInOneTurn) {
  ASSERT_EQ(listen(), 0);
  make_room(0);
  std::vector<std::unique_ptr<StreamSide>> clients;
  for (int i = 0; i < 2 * Listener::accepts_per_turn; ++i) {
    connect(*clients.emplace_back(std::make_unique<StreamSide>(thread)));
    EXPECT_EQ(clients.back()->write("x"), WriteOutcome::written);
  }
  std::vector<std::uint64_t> turns;
  on_each([&] { turns.push_back(thread.loop().turn()); });
  make_room(1000);
  ASSERT_TRUE(hears_of(clients.size()));
  thread.run([&] {
    for (const std::uint64_t turn : turns) {
      EXPECT_LE(std::count(turns.begin(), turns.end(), turn), Listener::accepts_per_turn);
    }
  });
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

TEST_F(ListenerTest, MayBeClosedInItsEvents) {
  ASSERT_EQ(listen(), 0);
  on_each([this] { listener.close(); });
  connect(client);
  EXPECT_TRUE(hears_of(1));
}

TEST_F(ListenerTest, TakesThoseWhoWaitInTheKernel) {
  ASSERT_EQ(listen(), 0);
  make_room(0);
  connect(client);
  connect(second);
  // The kernel keeps silent connections to itself for a second (TCP_DEFER_ACCEPT).
  while (connections() < 2 && was_asked(1)) {
    take_waiting();
  }
}

TEST_F(ListenerTest, TakesNobodyOnceClosed) {
  ASSERT_EQ(listen(), 0);
  thread.run([this] { listener.close(); });
  EXPECT_EQ(take_waiting(), 0U);
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

// What a socket inherits from the listening one costs no system call per connection.
struct Inherited {
  const char* what;
  int level;
  int name;
  Duration write_timeout;
  int value;
};
class AnInheritedOption : public ListenerTest, public testing::WithParamInterface<Inherited> {};

TEST_P(AnInheritedOption, IsSetOnWhatIsLetIn) {
  ASSERT_EQ(listen(GetParam().write_timeout), 0);
  StreamSide side(thread);
  connect(side);
  side.write("x");
  ASSERT_TRUE(hears_of(1));
  EXPECT_EQ(option_of(taken.front(), GetParam().level, GetParam().name), GetParam().value);
}

INSTANTIATE_TEST_SUITE_P(
    OfAListener, AnInheritedOption,
    testing::Values(Inherited{"no delay", IPPROTO_TCP, TCP_NODELAY, 30s, 1},
                    Inherited{"keep-alive", SOL_SOCKET, SO_KEEPALIVE, 30s, 1},
                    Inherited{"first probe", IPPROTO_TCP, TCP_KEEPIDLE, 30s, 60},
                    Inherited{"next probes", IPPROTO_TCP, TCP_KEEPINTVL, 30s, 10},
                    Inherited{"number of probes", IPPROTO_TCP, TCP_KEEPCNT, 30s, 3},
                    Inherited{"user timeout", IPPROTO_TCP, TCP_USER_TIMEOUT, 30s, 90'000},
                    Inherited{"longer one", IPPROTO_TCP, TCP_USER_TIMEOUT, 5min, 300'000},
                    Inherited{"longest one", IPPROTO_TCP, TCP_USER_TIMEOUT, 10'000h, INT_MAX},
                    Inherited{"no limit", IPPROTO_TCP, TCP_USER_TIMEOUT, 0s, 0}),
    [](const auto& row) {
      std::string name = row.param.what;
      std::ranges::replace_if(
          name, [](char c) { return c == ' ' || c == '-'; }, '_');
      return name;
    });

TEST_F(ListenerTest, SaysWhyItCannotListen) {
  EXPECT_EQ(thread.run([this] { return listener.listen(-1); }), EBADF);
}

}  // namespace
}  // namespace holdfast
