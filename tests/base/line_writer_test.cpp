#include "base/line_writer.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <limits.h>
#include <signal.h>
#include <unistd.h>

#include <array>
#include <string>

namespace holdfast {
namespace {

constexpr int pipe_bytes = 4 * PIPE_BUF;

// A small pipe; its reading end never makes the test wait.
std::array<int, 2> small_pipe() {
  std::array<int, 2> ends{};
  EXPECT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
  EXPECT_EQ(::fcntl(ends[0], F_SETFL, O_NONBLOCK), 0);
  EXPECT_GE(::fcntl(ends[1], F_SETPIPE_SZ, pipe_bytes), pipe_bytes);
  return ends;
}

class LineWriterTest : public testing::Test {
 protected:
  ~LineWriterTest() override {
    close_reader();
    ::close(ends_[1]);
  }

  void close_reader() {
    if (ends_[0] >= 0) {
      ::close(ends_[0]);
      ends_[0] = -1;
    }
  }

  std::string read_all() {
    std::string all(2 * pipe_bytes, '\0');
    const ssize_t got = ::read(ends_[0], all.data(), all.size());
    all.resize(got < 0 ? 0 : static_cast<std::size_t>(got));
    return all;
  }

  // Writes until a line is lost. Returns how many were taken.
  std::size_t fill(std::string_view line) {
    std::size_t taken = 0;
    while (writer_.write(line)) {
      ++taken;
    }
    return taken;
  }

  std::array<int, 2> ends_ = small_pipe();
  LineWriter writer_{ends_[1]};
};

TEST_F(LineWriterTest, WritesLines) {
  EXPECT_TRUE(writer_.write("one\n"));
  EXPECT_TRUE(writer_.write("two\n"));
  EXPECT_EQ(read_all(), "one\ntwo\n");
  EXPECT_EQ(writer_.take_lost(), 0U);
}

TEST_F(LineWriterTest, LosesAndCountsWhatAFullPipeDoesNotTake) {
  const std::size_t taken = fill("a line\n");
  EXPECT_GT(taken, 0U);
  EXPECT_FALSE(writer_.write("another\n"));
  EXPECT_EQ(writer_.take_lost(), 2U);
  EXPECT_EQ(writer_.take_lost(), 0U);
}

TEST_F(LineWriterTest, GoesOnWhenThePipeIsEmptiedAgain) {
  static_cast<void>(fill("a line\n"));
  static_cast<void>(read_all());
  EXPECT_TRUE(writer_.write("after\n"));
  EXPECT_EQ(read_all(), "after\n");
}

TEST_F(LineWriterTest, EndsATornLineBeforeTheNextOne) {
  const std::string longer = std::string(2 * pipe_bytes, 'x') + "\n";
  EXPECT_FALSE(writer_.write(longer));
  EXPECT_EQ(read_all(), longer.substr(0, pipe_bytes));
  EXPECT_TRUE(writer_.write("next\n"));
  EXPECT_EQ(read_all(), "\nnext\n");
}

TEST_F(LineWriterTest, SurvivesAReaderThatHasGone) {
  const auto before = ::signal(SIGPIPE, SIG_IGN);
  close_reader();
  EXPECT_FALSE(writer_.write("nobody\n"));
  EXPECT_EQ(writer_.take_lost(), 1U);
  ::signal(SIGPIPE, before);
}

TEST(LineWriter, CountsWhatAFullDiskDoesNotTake) {
  const int full = ::open("/dev/full", O_WRONLY | O_CLOEXEC);
  ASSERT_GE(full, 0);
  LineWriter writer(full);
  EXPECT_FALSE(writer.write("a line\n"));
  EXPECT_EQ(writer.take_lost(), 1U);
  ::close(full);
}

}  // namespace
}  // namespace holdfast
