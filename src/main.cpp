#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <iostream>
#include <string_view>

#include "cli/command_line.h"

namespace {

// A descriptor from 0 to 2 that is closed would become a socket, and a stray line of text would go
// to a stranger. Returns false if that cannot be helped.
bool open_standard_descriptors() {
  for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; ++fd) {
    const bool is_closed = ::fcntl(fd, F_GETFD) == -1 && errno == EBADF;
    // The lowest free descriptor is this one: those below are open.
    if (is_closed && ::open("/dev/null", O_RDWR) != fd) {
      return false;
    }
  }
  return true;
}

// A core file would hold the heads of requests, credentials and all, and nothing that runs here has
// to become another user. The hard limit stays, so that `prlimit --core` can ask for a core file.
bool give_up_cores_and_privileges() {
  rlimit cores{};
  if (::getrlimit(RLIMIT_CORE, &cores) != 0) {
    return false;
  }
  cores.rlim_cur = 0;
  return ::setrlimit(RLIMIT_CORE, &cores) == 0 && ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0;
}

holdfast::Colour colour_of(int fd) {
  const char* no_color = std::getenv("NO_COLOR");
  const bool may_colour =
      ::isatty(fd) == 1 && (no_color == nullptr || std::string_view(no_color).empty());
  return may_colour ? holdfast::Colour::always : holdfast::Colour::never;
}

}  // namespace

int main(int count, char** arguments) {
  // libuv writes without MSG_NOSIGNAL, so this comes before any thread.
  if (!open_standard_descriptors() || ::signal(SIGPIPE, SIG_IGN) == SIG_ERR ||
      !give_up_cores_and_privileges()) {
    return holdfast::exit_failure;
  }
  return holdfast::command_line(count, arguments,
                                {.results = std::cout,
                                 .diagnostics = std::cerr,
                                 .colour = colour_of(STDERR_FILENO),
                                 .results_colour = colour_of(STDOUT_FILENO)});
}
