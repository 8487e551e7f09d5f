#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/time.h"
#include "cli/descriptor.h"
#include "codec/codec.h"
#include "net/address.h"

namespace holdfast {

// What one answer told.
struct ProbeAnswer {
  static constexpr std::size_t max_beginning = 256;

  Version version = Version::http11;
  int status = 0;
  BodyKind body = BodyKind::none;
  std::uint64_t body_bytes = 0;
  bool keeps = false;                     // by its own bytes another request may follow
  bool bound = false;                     // it offers a login that holds for the connection
  std::optional<Duration> promised_idle;  // how long it keeps an idle connection (Keep-Alive)
  std::string server;                     // the Server field
  std::string beginning{};                // of the body: at most max_beginning bytes
  Duration took{};
};

// One connection to a backend, for asking it things one after the other on the calling thread. Each
// wait has a deadline.
class ProbeConnection {
 public:
  [[nodiscard]] static Result<ProbeConnection> open(const SocketAddress& to, TimePoint deadline);

  // Sends a GET request and reads the whole answer to it.
  [[nodiscard]] Result<ProbeAnswer> ask(std::string_view request, TimePoint deadline);

  // The backend has closed the connection, or said something that nobody asked for.
  [[nodiscard]] bool ended() const;
  // Waits for that.
  [[nodiscard]] bool wait_for_end(TimePoint deadline) const;

  [[nodiscard]] int descriptor() const { return socket_.get(); }

 private:
  explicit ProbeConnection(Descriptor socket) : socket_(std::move(socket)) {}
  [[nodiscard]] Result<void> send(std::string_view bytes, TimePoint deadline);
  // Reads what is there into `received`; false at the end of the stream.
  [[nodiscard]] Result<bool> receive(std::string& received, TimePoint deadline) const;

  Descriptor socket_;
};

}  // namespace holdfast
