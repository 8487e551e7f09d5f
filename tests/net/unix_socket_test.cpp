#include "net/unix_socket.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "net/listener.h"
#include "net/stream_side.h"

namespace holdfast {
namespace {

using enum StreamEvent;

// A Unix socket in a folder of its own, somebody who listens on it, and a stream that connects.
class UnixSocketTest : public testing::Test, public ListenerEvents {
 protected:
  UnixSocketTest() {
    std::string name = testing::TempDir() + "/holdfast-XXXXXX";
    folder_ = ::mkdtemp(name.data());
    address = *SocketAddress::parse("unix:" + path());
  }
  ~UnixSocketTest() override { std::filesystem::remove_all(folder_); }
  // Before the destructor, which changes what the loop's thread may call.
  void TearDown() override {
    thread.run([this] { listener.close(); });
  }

  [[nodiscard]] std::string path() const { return folder_ + "/socket"; }
  [[nodiscard]] bool exists() const { return std::filesystem::exists(path()); }
  [[nodiscard]] mode_t mode() const {
    struct stat found {};
    EXPECT_EQ(::lstat(path().c_str(), &found), 0);
    return found.st_mode & 0777;
  }

  void listen() {
    made = UnixSocket::bind(address, 0666);
    ASSERT_TRUE(made);
    const int descriptor = made->duplicate();
    made->leave_to_duplicates();
    ASSERT_EQ(thread.run([&] { return listener.listen(descriptor); }), 0);
  }
  int why_not() {
    const auto refused = UnixSocket::bind(address, 0666);
    return refused ? 0 : refused.error();
  }

  bool may_accept() override { return true; }
  void on_accepted(int descriptor, const IpAddress& from) override {
    char text[IpAddress::max_text];
    heard_from = from.write_text(text);
    accepted = descriptor;
  }
  void on_none_accepted() override {}
  void on_accept_failed(int) override {}

  SocketAddress address;
  tl::expected<UnixSocket, int> made = tl::unexpected(0);
  LoopThread thread;
  StreamSide left{thread};
  StreamSide right{thread};
  Listener listener{thread.loop(), *this};
  std::string heard_from;
  int accepted = -1;

 private:
  std::string folder_;
};

TEST_F(UnixSocketTest, IsAFileAsLongAsItLives) {
  {
    const auto bound = UnixSocket::bind(address, 0640);
    ASSERT_TRUE(bound);
    EXPECT_TRUE(exists());
    EXPECT_EQ(mode(), 0640U);
  }
  EXPECT_FALSE(exists());
}

TEST_F(UnixSocketTest, TakesThePlaceThatAnEarlierProcessLeftBehind) {
  const int left_behind = ::socket(AF_UNIX, SOCK_STREAM, 0);
  ASSERT_EQ(::bind(left_behind, &address.raw(), address.raw_bytes()), 0);
  ::close(left_behind);
  ASSERT_TRUE(exists());
  EXPECT_EQ(why_not(), 0);
}

TEST_F(UnixSocketTest, LeavesWhatSomebodyListensOn) {
  listen();
  EXPECT_EQ(why_not(), EADDRINUSE);
  EXPECT_TRUE(exists());
}

TEST_F(UnixSocketTest, LeavesAFileThatIsNoSocket) {
  std::ofstream(path()) << "precious";
  EXPECT_EQ(why_not(), EEXIST);
  EXPECT_TRUE(exists());
}

TEST_F(UnixSocketTest, LeavesTheFileOfItsSuccessor) {
  auto first = UnixSocket::bind(address, 0666);
  ASSERT_TRUE(first);
  first->leave_to_duplicates();
  const auto second = UnixSocket::bind(address, 0666);
  ASSERT_TRUE(second);
  const int listening = second->duplicate();
  ASSERT_EQ(::listen(listening, 1), 0);
  first = tl::unexpected(0);
  EXPECT_TRUE(exists());
  ::close(listening);
}

TEST_F(UnixSocketTest, SaysThatTheFolderIsMissing) {
  address = *SocketAddress::parse("unix:" + path() + "/missing/socket");
  EXPECT_EQ(why_not(), ENOENT);
}

TEST_F(UnixSocketTest, MayHaveANameInsteadOfAFile) {
  address = *SocketAddress::parse("unix:@holdfast-test-" + std::to_string(::getpid()));
  listen();
  EXPECT_EQ(why_not(), EADDRINUSE);
  ASSERT_EQ(left.connect(address), 0);
  EXPECT_TRUE(left.hears(connected));
}

TEST_F(UnixSocketTest, CarriesBytesBothWays) {
  listen();
  ASSERT_EQ(left.connect(address), 0);
  ASSERT_TRUE(left.hears(connected));
  EXPECT_EQ(left.system(), 0);
  ASSERT_TRUE(thread.eventually([&] { return accepted >= 0; }));
  EXPECT_EQ(heard_from, "unix:");
  ASSERT_EQ(right.adopt(accepted), 0);
  right.read();
  left.read();
  EXPECT_EQ(left.write("there"), WriteOutcome::written);
  EXPECT_EQ(right.received(5), "there");
  EXPECT_EQ(right.write("back"), WriteOutcome::written);
  EXPECT_EQ(left.received(4), "back");
  right.close();
  EXPECT_TRUE(left.hears(StreamEvent::end));
}

TEST_F(UnixSocketTest, TellsOfAConnectionNeverDuringTheCall) {
  listen();
  left.with_stream([&](TcpStream& stream) {
    EXPECT_EQ(stream.connect(address, {}), 0);
    EXPECT_EQ(left.history_so_far(), "");
  });
  EXPECT_TRUE(left.hears(connected));
}

TEST_F(UnixSocketTest, TellsNothingOfAConnectionThatWasClosedAtOnce) {
  listen();
  left.with_stream([&](TcpStream& stream) {
    EXPECT_EQ(stream.connect(address, {}), 0);
    stream.close();
  });
  EXPECT_TRUE(left.hears(closed));
  EXPECT_EQ(left.history(), "closed ");
}

TEST_F(UnixSocketTest, IsRefusedAtOnceWhereNobodyListens) {
  EXPECT_EQ(left.connect(address), ENOENT);
  const auto bound = UnixSocket::bind(address, 0666);
  EXPECT_EQ(right.connect(address), ECONNREFUSED);
}

}  // namespace
}  // namespace holdfast
