#include "net/unix_socket.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

namespace holdfast {
namespace {

int open_socket() { return ::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0); }

// With this mode from its first moment on: a chmod would come too late for who is quick.
int bind_with_mode(int descriptor, const SocketAddress& address, mode_t mode) {
  const mode_t before = ::umask(static_cast<mode_t>(0777) & ~mode);
  const int failed = ::bind(descriptor, &address.raw(), address.raw_bytes()) == 0 ? 0 : errno;
  ::umask(before);
  return failed;
}

// Why the file cannot be replaced: 0 if it is a socket that nobody listens on.
int judge_leftover(const SocketAddress& address) {
  struct stat found {};
  if (::lstat(address.file().c_str(), &found) != 0) {
    return errno == ENOENT ? 0 : errno;
  }
  if (!S_ISSOCK(found.st_mode)) {
    return EEXIST;
  }
  const int caller = open_socket();
  if (caller < 0) {
    return errno;
  }
  const bool refused = ::connect(caller, &address.raw(), address.raw_bytes()) != 0 &&
                       (errno == ECONNREFUSED || errno == ENOENT);
  ::close(caller);
  return refused ? 0 : EADDRINUSE;
}

// Binds, and replaces what an earlier process left behind.
int bind_anew(int descriptor, const SocketAddress& address, mode_t mode) {
  const int failed = bind_with_mode(descriptor, address, mode);
  if (failed != EADDRINUSE || address.file().empty()) {
    return failed;
  }
  if (const int kept = judge_leftover(address); kept != 0) {
    return kept;
  }
  if (::unlink(address.file().c_str()) != 0 && errno != ENOENT) {
    return errno;
  }
  return bind_with_mode(descriptor, address, mode);
}

}  // namespace

tl::expected<UnixSocket, int> UnixSocket::bind(const SocketAddress& address, mode_t mode) {
  const int made = open_socket();
  if (made < 0) {
    return tl::unexpected(errno);
  }
  if (const int failed = bind_anew(made, address, mode); failed != 0) {
    ::close(made);
    return tl::unexpected(failed);
  }
  return UnixSocket(made, address.file());
}

UnixSocket::UnixSocket(int descriptor, std::string file)
    : descriptor_(descriptor), file_(std::move(file)) {
  struct stat found {};
  if (!file_.empty() && ::lstat(file_.c_str(), &found) == 0) {
    device_ = found.st_dev;
    node_ = found.st_ino;
  } else {
    file_.clear();
  }
}

UnixSocket::UnixSocket(UnixSocket&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)),
      file_(std::exchange(other.file_, {})),
      device_(other.device_),
      node_(other.node_) {}

UnixSocket& UnixSocket::operator=(UnixSocket&& other) noexcept {
  std::swap(descriptor_, other.descriptor_);
  std::swap(file_, other.file_);
  std::swap(device_, other.device_);
  std::swap(node_, other.node_);
  return *this;
}

// The next holdfast may have taken the place already, and its file may even have got the number of
// ours. Then somebody listens there.
UnixSocket::~UnixSocket() {
  leave_to_duplicates();
  struct stat found {};
  if (!file_.empty() && ::lstat(file_.c_str(), &found) == 0 && found.st_dev == device_ &&
      found.st_ino == node_ && judge_leftover(*SocketAddress::parse("unix:" + file_)) == 0) {
    ::unlink(file_.c_str());
  }
}

void UnixSocket::leave_to_duplicates() {
  if (const int ours = std::exchange(descriptor_, -1); ours >= 0) {
    ::close(ours);
  }
}

int UnixSocket::duplicate() const { return ::fcntl(descriptor_, F_DUPFD_CLOEXEC, 0); }

}  // namespace holdfast
