#include "server/log_thread.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

namespace holdfast {
namespace {

namespace fs = std::filesystem;

class LogThreadTest : public testing::Test {
 protected:
  LogThreadTest() {
    std::string name = (fs::temp_directory_path() / "holdfast_log_XXXXXX").string();
    EXPECT_NE(::mkdtemp(name.data()), nullptr);
    folder_ = name;
  }
  ~LogThreadTest() override { fs::remove_all(folder_); }

  [[nodiscard]] std::string path(std::string_view name = "log") const {
    return (folder_ / name).string();
  }
  [[nodiscard]] static std::string text(const std::string& of) {
    std::ifstream file(of);
    std::stringstream all;
    all << file.rdbuf();
    return all.str();
  }
  [[nodiscard]] static bool appears(const std::string& in, std::string_view line) {
    for (int i = 0; i < 500; ++i) {
      if (text(in).find(line) != std::string::npos) {
        return true;
      }
      static_cast<void>(::poll(nullptr, 0, 10));
    }
    return false;
  }

  fs::path folder_;
};

TEST_F(LogThreadTest, WritesWhatIsPutWithoutBeingAskedTo) {
  LogThread log(path());
  LogLane& lane = log.add_lane();
  ASSERT_EQ(log.start(), 0);
  lane.put("one\n");
  EXPECT_TRUE(appears(path(), "one\n"));
  lane.put("two\n");  // it sleeps by now, or is about to
  EXPECT_TRUE(appears(path(), "one\ntwo\n"));
}

TEST_F(LogThreadTest, SaysWhyAFileCannotBeOpened) {
  LogThread log(path("none/log"));
  EXPECT_EQ(log.start(), ENOENT);
}

TEST_F(LogThreadTest, WritesAtItsEndWhatWaits) {
  LogThread log(path());
  LogLane& lane = log.add_lane();
  ASSERT_EQ(log.start(), 0);
  std::string expected;
  for (int i = 0; i < 1000; ++i) {
    const std::string line = "line " + std::to_string(i) + "\n";
    lane.put(line);
    expected += line;
  }
  log.end();
  EXPECT_EQ(text(path()), expected);
  EXPECT_EQ(log.lost(), 0U);
}

// Each line is there once and whole, and those of one lane are in order, while files are renamed.
TEST_F(LogThreadTest, LosesNoLineOfSeveralThreadsWhileItsFileIsRotated) {
  constexpr int lanes = 4;
  constexpr int lines = 20'000;
  LogThread log(path());
  std::vector<std::thread> makers;
  std::vector<LogLane*> their_lanes;
  for (int i = 0; i < lanes; ++i) {
    their_lanes.push_back(&log.add_lane());
  }
  ASSERT_EQ(log.start(), 0);
  for (int i = 0; i < lanes; ++i) {
    makers.emplace_back([i, lane = their_lanes[static_cast<std::size_t>(i)]] {
      for (int n = 0; n < lines; ++n) {
        lane->put(std::to_string(i) + " " + std::to_string(n) + "\n");
      }
    });
  }
  constexpr int rotations = 10;
  for (int i = 0; i < rotations; ++i) {
    fs::rename(path(), path("log." + std::to_string(i)));
    log.reopen();
    for (int wait = 0; wait < 500 && !fs::exists(path()); ++wait) {
      static_cast<void>(::poll(nullptr, 0, 10));
    }
    ASSERT_TRUE(fs::exists(path()));
  }
  for (std::thread& maker : makers) {
    maker.join();
  }
  log.end();
  EXPECT_EQ(log.lost(), 0U);
  std::string all;
  for (int i = 0; i < rotations; ++i) {
    all += text(path("log." + std::to_string(i)));
  }
  std::istringstream written(all + text(path()));
  std::map<int, int> next;
  int lane = 0;
  int number = 0;
  while (written >> lane >> number) {
    ASSERT_EQ(number, next[lane]++) << "lane " << lane;
  }
  for (int i = 0; i < lanes; ++i) {
    EXPECT_EQ(next[i], lines);
  }
}

TEST_F(LogThreadTest, OpensAFileAnewThatWasDeleted) {
  LogThread log(path());
  LogLane& lane = log.add_lane();
  ASSERT_EQ(log.start(), 0);
  lane.put("one\n");
  ASSERT_TRUE(appears(path(), "one\n"));
  fs::remove(path());
  // Some of the next lines still go into the file that nobody sees any more.
  for (int i = 0; i < 500 && text(path()).empty(); ++i) {
    lane.put("two\n");
    static_cast<void>(::poll(nullptr, 0, 10));
  }
  EXPECT_TRUE(appears(path(), "two\n"));
}

TEST_F(LogThreadTest, CountsWhatAFullDiskCosts) {
  LogThread log("/dev/full", 64);
  LogLane& lane = log.add_lane();
  ASSERT_EQ(log.start(), 0);
  for (int i = 0; i < 100; ++i) {
    lane.put("a line\n");
  }
  log.end();
  EXPECT_EQ(log.lost(), 100U);
}

TEST_F(LogThreadTest, EndsBesideAPipeThatNobodyReadsAndCountsWhatIsInIt) {
  ASSERT_EQ(::mkfifo(path().c_str(), S_IRUSR | S_IWUSR), 0);
  LogThread log(path());
  LogLane& lane = log.add_lane();
  ASSERT_EQ(log.start(), 0);
  const int reader = ::open(path().c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  ASSERT_GE(reader, 0);
  const std::string line = std::string(999, 'x') + "\n";
  constexpr std::uint64_t lines = 10'000;
  for (std::uint64_t i = 0; i < lines; ++i) {
    lane.put(line);
  }
  log.end();
  std::string in_pipe(1 << 20, '\0');
  const ssize_t got = ::read(reader, in_pipe.data(), in_pipe.size());
  ::close(reader);
  ASSERT_GT(got, 0);
  EXPECT_GE(log.lost(), lines - static_cast<std::uint64_t>(got) / line.size() - 1);
  EXPECT_LT(log.lost(), lines);
}

// A line whose first part went into one file is not continued in another.
TEST_F(LogThreadTest, BeginsANewFileWithAWholeLine) {
  ASSERT_EQ(::mkfifo(path().c_str(), S_IRUSR | S_IWUSR), 0);
  LogThread log(path());
  LogLane& lane = log.add_lane();
  ASSERT_EQ(log.start(), 0);
  // More than the pipe holds, so that one of them is torn.
  const std::string line = std::string(3000, 'x') + "\n";
  for (int i = 0; i < 100; ++i) {
    lane.put(line);
  }
  fs::rename(path(), path("pipe"));
  log.reopen();
  EXPECT_TRUE(appears(path(), line));
  log.end();
  EXPECT_EQ(text(path()).size() % line.size(), 0U);
  EXPECT_EQ(text(path()).substr(0, line.size()), line);
  EXPECT_LE(log.lost(), 1U);
}

}  // namespace
}  // namespace holdfast
