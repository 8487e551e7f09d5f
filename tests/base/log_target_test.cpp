#include "base/log_target.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

namespace holdfast {
namespace {

namespace fs = std::filesystem;

class LogTargetTest : public testing::Test {
 protected:
  LogTargetTest() {
    std::string name = (fs::temp_directory_path() / "holdfast_log_XXXXXX").string();
    EXPECT_NE(::mkdtemp(name.data()), nullptr);
    folder_ = name;
  }
  ~LogTargetTest() override { fs::remove_all(folder_); }

  [[nodiscard]] std::string path(std::string_view name) const { return (folder_ / name).string(); }
  [[nodiscard]] std::string text(std::string_view name) const {
    std::ifstream file(path(name));
    std::stringstream all;
    all << file.rdbuf();
    return all.str();
  }

  fs::path folder_;
};

TEST_F(LogTargetTest, AppendsToAFileThatOnlyItsOwnerAndGroupRead) {
  { std::ofstream(path("log")) << "before\n"; }
  LogTarget target(path("log"));
  ASSERT_EQ(target.open().failure, 0);
  EXPECT_EQ(target.write("one\n").bytes, 4U);
  EXPECT_EQ(text("log"), "before\none\n");
  LogTarget made(path("made"));
  ASSERT_EQ(made.open().failure, 0);
  EXPECT_EQ(fs::status(path("made")).permissions() & fs::perms::others_all, fs::perms::none);
}

TEST_F(LogTargetTest, SaysWhyAFileCannotBeOpened) {
  EXPECT_EQ(LogTarget(path("none/log")).open().failure, ENOENT);
  EXPECT_EQ(LogTarget(folder_.string()).open().failure, EISDIR);
}

TEST_F(LogTargetTest, WritesToTheNewFileOnceItIsOpenedAgain) {
  LogTarget target(path("log"));
  ASSERT_EQ(target.open().failure, 0);
  EXPECT_EQ(target.write("one\n").failure, 0);
  fs::rename(path("log"), path("log.1"));
  EXPECT_EQ(target.write("two\n").failure, 0);
  const LogTarget::Opened opened = target.open();
  EXPECT_TRUE(opened.another);
  EXPECT_EQ(target.write("three\n").failure, 0);
  EXPECT_EQ(text("log.1"), "one\ntwo\n");
  EXPECT_EQ(text("log"), "three\n");
  EXPECT_FALSE(target.open().another);
}

TEST_F(LogTargetTest, KeepsTheOldFileWhereThereIsNoNewOne) {
  LogTarget target(path("log"));
  ASSERT_EQ(target.open().failure, 0);
  fs::rename(path("log"), path("log.1"));
  fs::create_directory(path("log"));
  EXPECT_EQ(target.open().failure, EISDIR);
  EXPECT_EQ(target.write("one\n").failure, 0);
  EXPECT_EQ(text("log.1"), "one\n");
}

TEST_F(LogTargetTest, SeesThatItsFileWasDeleted) {
  LogTarget target(path("log"));
  ASSERT_EQ(target.open().failure, 0);
  EXPECT_FALSE(target.deleted());
  fs::remove(path("log"));
  EXPECT_TRUE(target.deleted());
  ASSERT_EQ(target.open().failure, 0);
  EXPECT_FALSE(target.deleted());
}

TEST_F(LogTargetTest, NeverWaitsForTheReaderOfAPipe) {
  ASSERT_EQ(::mkfifo(path("pipe").c_str(), S_IRUSR | S_IWUSR), 0);
  LogTarget target(path("pipe"));
  ASSERT_EQ(target.open().failure, 0);
  const std::string much(1 << 20, 'x');
  const LogTarget::Taken taken = target.write(much);
  EXPECT_EQ(taken.failure, EAGAIN);
  EXPECT_GT(taken.bytes, 0U);
  EXPECT_LT(taken.bytes, much.size());
}

TEST_F(LogTargetTest, SaysThatTheDiskIsFull) {
  LogTarget target("/dev/full");
  ASSERT_EQ(target.open().failure, 0);
  const LogTarget::Taken taken = target.write("one\n");
  EXPECT_EQ(taken.bytes, 0U);
  EXPECT_EQ(taken.failure, ENOSPC);
}

}  // namespace
}  // namespace holdfast
