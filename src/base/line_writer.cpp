#include "base/line_writer.h"

#include <limits.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <string>
#include <utility>

namespace holdfast {

bool LineWriter::write(std::string_view line) {
  const bool taken = torn_ ? write_all("\n" + std::string(line)) : write_all(line);
  torn_ = torn_ && !taken;
  lost_ += taken ? 0 : 1;
  return taken;
}

std::size_t LineWriter::take_lost() { return std::exchange(lost_, 0); }

// A descriptor that is ready takes PIPE_BUF bytes without making us wait (POSIX, write() on a
// pipe). It is asked each time and not made non-blocking: others may share it.
bool LineWriter::write_all(std::string_view bytes) {
  while (!bytes.empty()) {
    if (!ready()) {
      return false;
    }
    const ssize_t taken =
        ::write(descriptor_, bytes.data(), std::min<std::size_t>(bytes.size(), PIPE_BUF));
    if (taken < 0 && errno == EINTR) {
      continue;
    }
    if (taken <= 0) {
      return false;
    }
    bytes.remove_prefix(static_cast<std::size_t>(taken));
    torn_ = true;
  }
  return true;
}

bool LineWriter::ready() const {
  pollfd asked{.fd = descriptor_, .events = POLLOUT, .revents = 0};
  return ::poll(&asked, 1, 0) == 1 && (asked.revents & POLLOUT) != 0;
}

}  // namespace holdfast
