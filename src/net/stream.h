#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "base/error.h"
#include "base/time.h"
#include "net/address.h"

namespace holdfast {

// What a stream tells its owner. The owner may close the stream in any of them, and then returns at
// once; after that only on_closed follows.
class StreamEvents {
 public:
  // Bytes arrived. They are valid during the call only.
  virtual void on_bytes(std::string_view bytes) = 0;
  // The other side has sent end of stream: no bytes will follow. Writing is still possible.
  virtual void on_end() = 0;
  // The connection is broken; `system` is an errno value. Nothing can be read or written any more.
  virtual void on_broken(int system) = 0;
  // All that the kernel had refused at first is written now.
  virtual void on_drained() = 0;
  // A connect() has ended: 0, or an errno value.
  virtual void on_connected(int system) = 0;
  // The last event, once, after close(): the stream is free to be released.
  virtual void on_closed() = 0;

 protected:
  ~StreamEvents() = default;
};

// What became of a write.
enum class WriteOutcome : std::uint8_t {
  written,  // the kernel has it all
  pending,  // the stream keeps a copy of what the kernel refused; on_drained follows
  broken,   // the connection is broken, or there is no memory for what the kernel refused
};

// Where a connection that is to be made comes from.
struct ConnectFrom {
  const SocketAddress* address = nullptr;  // borrowed; null: the kernel chooses
  PortRange ports{};                       // empty: those of the system
};

// A connection as bytes. Its rule: close() may be called at any time, any number of times; then the
// owner hears exactly one more event, on_closed. One thread only.
class Stream {
 public:
  // Most parts of one write, and most bytes of one that the stream can keep: a head of the greatest
  // size and one read.
  static constexpr std::size_t max_parts = 20;
  static constexpr std::size_t max_kept_bytes = 136 * 1024;

  // Takes over a connected descriptor, which it owns then. Returns an errno value.
  [[nodiscard]] virtual int adopt(int descriptor) = 0;

  // Starts a connection attempt; on_connected follows, never during the call. Returns an errno
  // value if it could not even be tried; the stream must be closed then too.
  [[nodiscard]] virtual int connect(const SocketAddress& to, const ConnectFrom& from) = 0;

  // The other side may leave what was sent unread for so long, 0 is for ever, before the kernel
  // gives the connection up as dead; never less than half a minute. Called behind connect().
  virtual void bear_silence(Duration) {}

  // Reads once what is there already, without the loop. False if nothing is. Of a stream that has
  // told that it is broken it tells bytes only: what follows them is no end of stream.
  virtual bool read_now() = 0;
  virtual void start_reading() = 0;
  // Under back-pressure only: bytes then wait in the kernel and slow the other side.
  virtual void pause_reading() = 0;

  // Writes all parts in order with one gather write if the kernel takes them. While something is
  // pending more may be written, but a well-behaved owner pauses its source instead.
  [[nodiscard]] virtual WriteOutcome write(std::span<const std::string_view> parts) = 0;
  // Bytes that wait for the kernel.
  [[nodiscard]] virtual std::size_t pending_bytes() const = 0;

  // Those, and what the kernel has taken but the other side not. Asks the kernel.
  [[nodiscard]] virtual std::size_t untaken_bytes() const { return pending_bytes(); }

  // Sends end of stream behind what is pending; reading goes on.
  virtual void shut_down() = 0;
  // Closes in the ordinary way (FIN).
  virtual void close() = 0;
  // Closes with a reset: the other side can tell that what it got is not the whole.
  virtual void reset() = 0;

  // The last read has taken all that was there; false if it has filled its room, for then more may
  // have been behind it.
  [[nodiscard]] virtual bool drained() const = 0;
  // Asks the kernel: true if nothing has arrived that was not read, neither bytes nor end of
  // stream.
  [[nodiscard]] virtual bool quiet() const = 0;

  // Takes the descriptor out of the stream, for another loop, and closes the stream without
  // touching the connection. The caller owns the result, or gets -1 if it could not be done.
  [[nodiscard]] virtual int detach() = 0;

 protected:
  ~Stream() = default;
};

// Makes streams and takes them back: how the rooms above get a connection without knowing its kind.
class StreamFactory {
 public:
  // Whether there is memory for one more: then the next make() succeeds.
  [[nodiscard]] virtual bool ready() { return true; }
  // A stream that is not connected yet. The events outlive it.
  [[nodiscard]] virtual Stream& make(StreamEvents& events) = 0;
  // Takes back a stream after its on_closed.
  virtual void release(Stream& stream) = 0;

 protected:
  ~StreamFactory() = default;
};

}  // namespace holdfast
