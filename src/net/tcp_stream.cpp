#include "net/tcp_stream.h"

#include <fcntl.h>
#include <linux/sockios.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <climits>

#include "base/check.h"

namespace holdfast {
namespace {

// A dead machine on the other side is noticed within about half a minute, idle (keep-alive probes:
// libuv fixes them at 10, one second apart) or busy (the user timeout: probes stop while bytes are
// not acknowledged).
constexpr unsigned keepalive_seconds = 20;
constexpr Duration user_timeout = 30s;

// IP_LOCAL_PORT_RANGE, of Linux 6.3: the headers of Debian 12 are older.
constexpr int local_port_range = 51;

static_assert(Stream::max_kept_bytes <= BlockPool::largest, "what the kernel refuses is one block");
static_assert(Loop::read_bytes <= BlockPool::sizes[2], "a read behind a short head is the third");

}  // namespace

void set_user_timeout(int descriptor, Duration limit) {
  const auto wanted = std::chrono::ceil<std::chrono::milliseconds>(limit).count();
  const auto ms = static_cast<unsigned>(std::min<std::int64_t>(wanted, INT_MAX));
  setsockopt(descriptor, IPPROTO_TCP, TCP_USER_TIMEOUT, &ms, sizeof(ms));
}

int system_error(int status) { return status < 0 ? -status : 0; }

int come_from(int descriptor, const ConnectFrom& from) {
  if (!from.ports.empty()) {
    // A kernel without this was complained about at the start; its whole range serves.
    const std::uint32_t range = std::uint32_t{from.ports.last} << 16 | from.ports.first;
    setsockopt(descriptor, IPPROTO_IP, local_port_range, &range, sizeof(range));
  }
  if (from.address == nullptr) {
    return 0;
  }
  const int on = 1;
  setsockopt(descriptor, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof(on));
  return ::bind(descriptor, &from.address->raw(), from.address->raw_bytes()) == 0 ? 0 : errno;
}

int try_source(const SocketAddress& source) {
  const int made = ::socket(source.raw().sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int failed = made < 0 ? errno : come_from(made, {.address = &source});
  if (made >= 0) {
    ::close(made);
  }
  return failed;
}

bool can_choose_ports() {
  const int made = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const std::uint32_t range = std::uint32_t{2000} << 16 | 1000;
  const bool can =
      made >= 0 && setsockopt(made, IPPROTO_IP, local_port_range, &range, sizeof(range)) == 0;
  if (made >= 0) {
    ::close(made);
  }
  return can;
}

TcpStream::TcpStream(Loop& loop, StreamEvents& events) : loop_(loop), events_(events) {
  check(uv_tcp_init(&loop.uv_, &tcp_) == 0, "libuv could not make a stream");
  loop_.opened();
  tcp_.data = this;
}

TcpStream::~TcpStream() { check(closing_, "a stream is destroyed before it is closed"); }

int TcpStream::adopt(int descriptor) {
  const int status = uv_tcp_open(&tcp_, descriptor);
  if (status != 0) {
    ::close(descriptor);
  } else {
    descriptor_ = descriptor;
  }
  return system_error(status);
}

// The socket is made here rather than by libuv, so that its options are set before the handshake.
int TcpStream::connect(const SocketAddress& to, const ConnectFrom& from) {
  if (!loop_.connects_.ready()) {
    return ENOMEM;
  }
  const int made = ::socket(to.raw().sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (made < 0) {
    return errno;
  }
  if (to.is_unix()) {
    return connect_unix(made, to);
  }
  if (const int failed = come_from(made, from); failed != 0) {
    ::close(made);
    return failed;
  }
  if (const int failed = adopt(made); failed != 0) {
    return failed;
  }
  uv_tcp_nodelay(&tcp_, 1);
  uv_tcp_keepalive(&tcp_, 1, keepalive_seconds);
  set_user_timeout(made, user_timeout);
  uv_connect_t& request = loop_.connects_.make();
  const int status = uv_tcp_connect(&request, &tcp_, &to.raw(), on_connect);
  if (status != 0) {
    loop_.connects_.release(request);
  }
  return system_error(status);
}

// A Unix socket is connected at once or not at all. libuv's handle for TCP takes it like any other
// descriptor, so there is one kind of handle; only its connect does not. The owner is to be told in
// a later turn, as of any connection, and not at all if it closes before: the callback of a write
// of nothing has just this life.
int TcpStream::connect_unix(int made, const SocketAddress& to) {
  const int failed = ::connect(made, &to.raw(), to.raw_bytes()) == 0 ? 0 : errno;
  if (failed != 0) {
    ::close(made);
    return failed;
  }
  if (!loop_.writes_.ready()) {
    ::close(made);
    return ENOMEM;
  }
  if (const int refused = adopt(made); refused != 0) {
    return refused;
  }
  WriteRequest& request = loop_.writes_.make();
  const uv_buf_t nothing = uv_buf_init(nullptr, 0);
  const int status = uv_write(&request.request, stream(), &nothing, 1, on_announced);
  if (status != 0) {
    loop_.writes_.release(request);
  }
  return system_error(status);
}

void TcpStream::on_announced(uv_write_t* request, int status) {
  TcpStream& self = *static_cast<TcpStream*>(request->handle->data);
  // uv_write_t is the first member of what was lent.
  self.loop_.writes_.release(*reinterpret_cast<WriteRequest*>(request));
  if (!self.closing_) {
    self.events_.on_connected(system_error(status));
  }
}

void TcpStream::bear_silence(Duration limit) {
  if (limit == Duration::zero() || limit > user_timeout) {
    set_user_timeout(descriptor_, limit);
  }
}

void TcpStream::on_connect(uv_connect_t* request, int status) {
  TcpStream& self = *static_cast<TcpStream*>(request->handle->data);
  self.loop_.connects_.release(*request);
  if (!self.closing_) {
    self.events_.on_connected(system_error(status));
  }
}

bool TcpStream::read_now() {
  char* buffer = loop_.read_buffer_.get();
  const ssize_t count = ::recv(descriptor_, buffer, Loop::read_bytes, MSG_DONTWAIT);
  if (count > 0) {
    drained_ = count < static_cast<ssize_t>(Loop::read_bytes);
    events_.on_bytes({buffer, static_cast<std::size_t>(count)});
  } else if (broken_) {
    return false;
  } else if (count == 0) {
    ended_ = true;
    events_.on_end();
  } else if (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR) {
    return false;
  } else {
    report(-errno);
  }
  return true;
}

void TcpStream::start_reading() {
  if (!closing_ && !broken_ && !ended_) {
    // Fails only for a stream that is closing or not connected: both are reported elsewhere.
    uv_read_start(stream(), on_allocate, on_read);
  }
}

void TcpStream::pause_reading() {
  if (!closing_) {
    uv_read_stop(stream());
  }
}

void TcpStream::on_allocate(uv_handle_t* from, std::size_t, uv_buf_t* buffer) {
  TcpStream& self = *static_cast<TcpStream*>(from->data);
  *buffer = uv_buf_init(self.loop_.read_buffer_.get(), Loop::read_bytes);
}

void TcpStream::on_read(uv_stream_t* from, ssize_t count, const uv_buf_t* buffer) {
  TcpStream& self = *static_cast<TcpStream*>(from->data);
  if (count > 0) {
    self.drained_ = count < static_cast<ssize_t>(Loop::read_bytes);
    self.events_.on_bytes({buffer->base, static_cast<std::size_t>(count)});
  } else if (count == UV_EOF) {
    const int system = buffer->base == nullptr ? self.reset_by() : 0;
    if (system != 0) {
      self.report(-system);
      return;
    }
    self.ended_ = true;
    self.events_.on_end();
  } else if (count < 0) {
    self.report(static_cast<int>(count));
  }
}

// libuv tells of an end that it has not read but concluded from a hang-up behind the last bytes,
// and a reset hangs up too. An answer that has no other end would look whole then, so the kernel is
// asked. The errno value of the reset, or 0.
int TcpStream::reset_by() const {
  char byte = 0;
  const bool failed = ::recv(descriptor_, &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0;
  return failed && errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR ? errno : 0;
}

void TcpStream::report(int status) {
  if (!closing_ && !broken_) {
    broken_ = true;
    uv_read_stop(stream());
    events_.on_broken(system_error(status));
  }
}

// Writes past libuv as long as nothing is queued there: a send on the socket is cheaper for the
// kernel than a write on a file, and never raises SIGPIPE.
WriteOutcome TcpStream::write(std::span<const std::string_view> parts) {
  check(parts.size() <= max_parts, "a write of too many parts");
  if (closing_ || broken_) {
    return WriteOutcome::broken;
  }
  if (parts.empty()) {
    return pending_bytes() == 0 ? WriteOutcome::written : WriteOutcome::pending;
  }
  if (writes_in_flight_ != 0) {
    return keep(parts, 0);
  }
  std::array<iovec, max_parts> buffers;
  std::size_t total = 0;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    buffers[i] = {const_cast<char*>(parts[i].data()), parts[i].size()};
    total += parts[i].size();
  }
  msghdr message{};
  message.msg_iov = buffers.data();
  message.msg_iovlen = parts.size();
  const int flags = MSG_NOSIGNAL | MSG_DONTWAIT;
  const ssize_t taken = parts.size() == 1
                            ? ::send(descriptor_, parts[0].data(), parts[0].size(), flags)
                            : ::sendmsg(descriptor_, &message, flags);
  if (taken >= 0 && static_cast<std::size_t>(taken) == total) {
    return WriteOutcome::written;
  }
  if (taken < 0 && errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR && errno != ENOBUFS) {
    return WriteOutcome::broken;
  }
  return keep(parts, taken < 0 ? 0 : static_cast<std::size_t>(taken));
}

// Copies what the kernel refused and queues it. Without memory for that the connection is of no
// more use: a part of the write may be gone, and nobody may wait for the rest. Reading will find
// its end.
WriteOutcome TcpStream::keep(std::span<const std::string_view> parts, std::size_t skip) {
  std::size_t total = 0;
  for (const std::string_view part : parts) {
    total += part.size();
  }
  check(total - skip <= max_kept_bytes, "a write of too many bytes");
  Block kept = loop_.writes_.ready() ? loop_.blocks_.borrow(total - skip) : Block();
  if (!kept) {
    ::shutdown(descriptor_, SHUT_RDWR);
    return WriteOutcome::broken;
  }
  WriteRequest& request = loop_.writes_.make();
  request.kept = std::move(kept);
  for (std::string_view part : parts) {
    const std::size_t dropped = std::min(skip, part.size());
    skip -= dropped;
    request.kept.append(part.substr(dropped));
  }
  const std::string_view bytes = request.kept.bytes();
  const uv_buf_t buffer =
      uv_buf_init(const_cast<char*>(bytes.data()), static_cast<unsigned>(bytes.size()));
  if (uv_write(&request.request, stream(), &buffer, 1, on_write) != 0) {
    loop_.writes_.release(request);
    return WriteOutcome::broken;
  }
  ++writes_in_flight_;
  return WriteOutcome::pending;
}

void TcpStream::on_write(uv_write_t* request, int status) {
  TcpStream& self = *static_cast<TcpStream*>(request->handle->data);
  // uv_write_t is the first member of what was lent.
  self.loop_.writes_.release(*reinterpret_cast<WriteRequest*>(request));
  --self.writes_in_flight_;
  if (self.closing_) {
    return;
  }
  if (status != 0) {
    self.report(status);
  } else if (self.pending_bytes() == 0) {
    self.events_.on_drained();
  }
}

std::size_t TcpStream::pending_bytes() const {
  return writes_in_flight_ == 0
             ? 0
             : uv_stream_get_write_queue_size(reinterpret_cast<const uv_stream_t*>(&tcp_));
}

std::size_t TcpStream::untaken_bytes() const {
  int in_kernel = 0;
  if (closing_ || ::ioctl(descriptor_, SIOCOUTQ, &in_kernel) != 0) {
    in_kernel = 0;
  }
  return pending_bytes() + static_cast<std::size_t>(in_kernel);
}

void TcpStream::shut_down() {
  if (closing_) {
    return;
  }
  if (!loop_.shutdowns_.ready()) {
    return;  // the end of stream comes with the close
  }
  uv_shutdown_t& request = loop_.shutdowns_.make();
  if (uv_shutdown(&request, stream(), on_shut_down) != 0) {
    loop_.shutdowns_.release(request);  // not connected any more: nobody to tell
  }
}

void TcpStream::on_shut_down(uv_shutdown_t* request, int) {
  TcpStream& self = *static_cast<TcpStream*>(request->handle->data);
  self.loop_.shutdowns_.release(*request);
}

void TcpStream::close() {
  if (!closing_) {
    closing_ = true;
    uv_close(reinterpret_cast<uv_handle_t*>(&tcp_), on_close);
  }
}

void TcpStream::reset() {
  if (closing_) {
    return;
  }
  // libuv refuses a reset behind a shutdown; then an ordinary close is all there is.
  if (uv_tcp_close_reset(&tcp_, on_close) == 0) {
    closing_ = true;
  } else {
    close();
  }
}

void TcpStream::on_close(uv_handle_t* closed) {
  TcpStream& self = *static_cast<TcpStream*>(closed->data);
  self.loop_.closed();
  self.events_.on_closed();
}

bool TcpStream::quiet() const {
  char byte = 0;
  const ssize_t got = ::recv(descriptor_, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  return got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
}

int TcpStream::detach() {
  check(pending_bytes() == 0, "a stream is detached while something is pending");
  const int copy = closing_ ? -1 : ::fcntl(descriptor_, F_DUPFD_CLOEXEC, 0);
  close();
  return copy;
}

}  // namespace holdfast
