#pragma once

#include <uv.h>

#include <cstdint>

#include "net/address.h"
#include "net/loop.h"
#include "net/stream.h"

namespace holdfast {

// A TCP connection on a loop, or one over a Unix socket: libuv wrapped once. Lives in its owner's
// slab and is released after on_closed. Has no timer and, while idle, no request and no block of
// its own.
class TcpStream final : public Stream {
 public:
  TcpStream(Loop& loop, StreamEvents& events);
  TcpStream(const TcpStream&) = delete;
  TcpStream& operator=(const TcpStream&) = delete;
  ~TcpStream();

  [[nodiscard]] int adopt(int descriptor) override;
  [[nodiscard]] int connect(const SocketAddress& to, const ConnectFrom& from) override;
  void bear_silence(Duration limit) override;
  bool read_now() override;
  void start_reading() override;
  void pause_reading() override;
  [[nodiscard]] WriteOutcome write(std::span<const std::string_view> parts) override;
  [[nodiscard]] std::size_t pending_bytes() const override;
  [[nodiscard]] std::size_t untaken_bytes() const override;
  void shut_down() override;
  void close() override;
  void reset() override;
  [[nodiscard]] bool drained() const override { return drained_; }
  [[nodiscard]] bool quiet() const override;
  [[nodiscard]] int detach() override;

 private:
  static void on_allocate(uv_handle_t* from, std::size_t suggested, uv_buf_t* buffer);
  static void on_read(uv_stream_t* from, ssize_t count, const uv_buf_t* buffer);
  static void on_write(uv_write_t* request, int status);
  static void on_connect(uv_connect_t* request, int status);
  static void on_announced(uv_write_t* request, int status);
  static void on_shut_down(uv_shutdown_t* request, int status);
  static void on_close(uv_handle_t* closed);

  [[nodiscard]] uv_stream_t* stream() { return reinterpret_cast<uv_stream_t*>(&tcp_); }
  [[nodiscard]] int connect_unix(int made, const SocketAddress& to);
  [[nodiscard]] WriteOutcome keep(std::span<const std::string_view> parts, std::size_t skip);
  [[nodiscard]] int reset_by() const;
  // Tells the owner; a broken connection closes itself no more than it must: the owner decides.
  void report(int status);

  uv_tcp_t tcp_;
  Loop& loop_;
  StreamEvents& events_;
  int descriptor_ = -1;  // libuv's, valid from the start of the connection until close()
  std::uint32_t writes_in_flight_ = 0;  // queued in libuv
  bool closing_ = false;
  bool broken_ = false;  // and the owner knows
  bool drained_ = true;  // the last read was a short one
  bool ended_ = false;   // the other side has sent end of stream, and the owner knows
};

// The TCP streams of one loop.
class TcpStreams final : public StreamFactory {
 public:
  explicit TcpStreams(Loop& loop) : loop_(loop) {}

  [[nodiscard]] bool ready() override { return slab_.ready(); }
  [[nodiscard]] TcpStream& make(StreamEvents& events) override { return slab_.make(loop_, events); }
  void release(Stream& stream) override { slab_.release(static_cast<TcpStream&>(stream)); }

 private:
  Loop& loop_;
  Slab<TcpStream> slab_;
};

// Lets the kernel give a connection up when the other side has left what was sent to it
// unacknowledged, or its window shut, for so long (TCP_USER_TIMEOUT).
void set_user_timeout(int descriptor, Duration limit);

// Has the socket come from there when it is connected. Returns an errno value. The port is chosen
// with the connect: one that a bind chooses could serve one destination only.
[[nodiscard]] int come_from(int descriptor, const ConnectFrom& from);

// Tries whether connections can come from there. Returns an errno value.
[[nodiscard]] int try_source(const SocketAddress& source);

// Whether the kernel (Linux 6.3) lets a program choose the range of its own local ports.
[[nodiscard]] bool can_choose_ports();

// The errno value behind a libuv status.
[[nodiscard]] int system_error(int status);

}  // namespace holdfast
