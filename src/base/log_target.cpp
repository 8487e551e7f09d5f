#include "base/log_target.h"

#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace holdfast {
namespace {

// Its owner writes, and the group that looks after logs reads: it says who asked for what.
constexpr mode_t file_mode = S_IRUSR | S_IWUSR | S_IRGRP;

// Never waits: a named pipe that nobody reads yet is opened for both ways (Linux, fifo(7)).
int open_to_append(const std::string& path) {
  constexpr int flags = O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK;
  int descriptor = ::open(path.c_str(), flags | O_WRONLY, file_mode);
  if (descriptor < 0 && errno == ENXIO) {
    descriptor = ::open(path.c_str(), flags | O_RDWR, file_mode);
  }
  return descriptor;
}

bool same_file(int one, int other) {
  struct stat first {};
  struct stat second {};
  return ::fstat(one, &first) == 0 && ::fstat(other, &second) == 0 &&
         first.st_dev == second.st_dev && first.st_ino == second.st_ino;
}

}  // namespace

LogTarget::~LogTarget() {
  if (descriptor_ >= 0 && !is_standard_output()) {
    ::close(descriptor_);
  }
}

LogTarget::Opened LogTarget::open() {
  if (is_standard_output()) {
    const bool first = descriptor_ < 0;
    adopt(STDOUT_FILENO);
    return {.another = first};
  }
  const int opened = open_to_append(path_);
  if (opened < 0) {
    return {.failure = errno, .another = false};
  }
  const bool another = descriptor_ < 0 || !same_file(descriptor_, opened);
  if (descriptor_ >= 0) {
    ::close(descriptor_);
  }
  adopt(opened);
  return {.another = another};
}

void LogTarget::adopt(int descriptor) {
  descriptor_ = descriptor;
  struct stat facts {};
  regular_ = ::fstat(descriptor, &facts) == 0 && S_ISREG(facts.st_mode);
}

// A pipe or terminal that is ready takes PIPE_BUF bytes without making us wait (POSIX, write() on a
// pipe). It is asked each time: standard output is shared with others and not made non-blocking.
LogTarget::Taken LogTarget::write(std::string_view bytes) {
  Taken taken;
  while (taken.bytes < bytes.size()) {
    if (!regular_ && !ready()) {
      taken.failure = EAGAIN;
      return taken;
    }
    const std::string_view rest = bytes.substr(taken.bytes);
    const std::size_t at_once =
        regular_ ? rest.size() : std::min<std::size_t>(rest.size(), PIPE_BUF);
    const ssize_t written = ::write(descriptor_, rest.data(), at_once);
    if (written < 0 && errno == EINTR) {
      continue;
    }
    if (written <= 0) {
      taken.failure = written < 0 ? errno : ENOSPC;
      return taken;
    }
    taken.bytes += static_cast<std::size_t>(written);
  }
  return taken;
}

// One that is broken counts as ready: writing says how.
bool LogTarget::ready() const {
  pollfd asked{.fd = descriptor_, .events = POLLOUT, .revents = 0};
  return ::poll(&asked, 1, 0) == 1 && (asked.revents & (POLLOUT | POLLERR | POLLHUP)) != 0;
}

bool LogTarget::deleted() const {
  struct stat facts {};
  return regular_ && !is_standard_output() && ::fstat(descriptor_, &facts) == 0 &&
         facts.st_nlink == 0;
}

}  // namespace holdfast
