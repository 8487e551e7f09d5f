#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace holdfast {

// Where the lines of a log go: a file, a named pipe, or standard output. Writing never waits for
// whoever reads a pipe or a terminal; a file's disk is waited for.
class LogTarget {
 public:
  static constexpr std::string_view standard_output = "stdout";

  explicit LogTarget(std::string path) : path_(std::move(path)) {}
  LogTarget(const LogTarget&) = delete;
  LogTarget& operator=(const LogTarget&) = delete;
  ~LogTarget();

  // What open() has found: an errno value or 0, and whether it is another file than before.
  struct Opened {
    int failure = 0;
    bool another = true;
  };
  // Opens the path, for the first time or once more: it may have been renamed or deleted. What was
  // open stays so if that fails.
  [[nodiscard]] Opened open();

  // What was taken of some bytes, and why not the rest: an errno value, EAGAIN if nobody reads it
  // just now, or 0.
  struct Taken {
    std::size_t bytes = 0;
    int failure = 0;
  };
  [[nodiscard]] Taken write(std::string_view bytes);

  // The file was deleted: nobody will ever read what is written to it.
  [[nodiscard]] bool deleted() const;

  [[nodiscard]] bool is_standard_output() const { return path_ == standard_output; }
  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] int descriptor() const { return descriptor_; }

 private:
  void adopt(int descriptor);
  [[nodiscard]] bool ready() const;

  std::string path_;
  int descriptor_ = -1;
  bool regular_ = false;  // a file on a disk
};

}  // namespace holdfast
