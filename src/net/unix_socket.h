#pragma once

#include <sys/types.h>

#include <string>
#include <tl/expected.hpp>

#include "net/address.h"

namespace holdfast {

// A Unix socket to listen on: the bound socket, and the file that stands for it, which is removed
// at the end if it is still ours. A file that an earlier process left behind is replaced, one that
// somebody listens on is not.
class UnixSocket {
 public:
  // Binds the address. `mode` is that of the file: to connect is to write to it. Errors: an errno
  // value; EADDRINUSE means that somebody listens there, EEXIST that the file is not a socket. For
  // the start of the program, when there is one thread only: it changes the umask for a moment.
  [[nodiscard]] static tl::expected<UnixSocket, int> bind(const SocketAddress& address,
                                                          mode_t mode);

  UnixSocket(UnixSocket&& other) noexcept;
  UnixSocket& operator=(UnixSocket&& other) noexcept;
  ~UnixSocket();

  // Another descriptor of the socket: each worker listens on one of its own, for SO_REUSEPORT does
  // not exist here. -1 if there is none; errno tells why.
  [[nodiscard]] int duplicate() const;
  // From now on only the duplicates are the socket: it ends with the last of them.
  void leave_to_duplicates();

 private:
  UnixSocket(int descriptor, std::string file);

  int descriptor_ = -1;
  std::string file_;  // empty for an abstract name, or if it is not known to be ours
  dev_t device_ = 0;
  ino_t node_ = 0;
};

}  // namespace holdfast
