#pragma once

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string_view>

#include "simulation/byte_queue.h"
#include "simulation/random.h"

namespace holdfast {

class SimStream;

// Who is at the far end of a wire.
class FarSide {
 public:
  // The proxy's stream has accepted bytes: they are not delivered yet, and never may be.
  virtual void on_accepted(std::span<const std::string_view> parts) = 0;
  // The proxy tried to write and the connection took nothing.
  virtual void on_refused(std::span<const std::string_view> parts) = 0;

 protected:
  ~FarSide() = default;
};

// One TCP connection: two queues of bytes, and what else the kernels at both ends know of it. Bytes
// that the far side sends are on their way first and arrive later, in any pieces. Outlives the
// streams at its near end, for it may move from one to another.
struct SimWire {
  static constexpr std::uint64_t nowhere = std::numeric_limits<std::uint64_t>::max();

  // From the far side to the proxy.
  ByteQueue inbound;              // sent and not read
  std::size_t arrived = 0;        // so many of them are there to be read
  std::uint64_t sent = 0;         // bytes, in all
  std::uint64_t read = 0;         // likewise, by the proxy
  std::uint64_t glued = nowhere;  // the bytes before and behind this place arrive together
  bool far_ended = false;         // end of stream is behind them
  bool far_closed = false;        // whatever is sent to it is answered by a reset
  bool far_reset = false;
  bool end_arrived = false;
  int broken = 0;           // an errno value: the reset has arrived
  bool break_told = false;  // a write has failed for it, so that a read finds end of stream only

  // From the proxy to the far side.
  ByteQueue outbound;  // taken by the kernel, not yet read by the far side
  std::size_t capacity = 0;
  std::uint64_t delivered = 0;
  bool near_ending = false;       // the proxy writes no more
  std::uint64_t read_at_end = 0;  // what it had read by then
  bool near_ended = false;
  bool near_closed = false;
  bool near_reset = false;  // once `outbound` has been read, if that is not lost too

  // What becomes of the connection attempt: 0, an errno value, or nothing ever.
  std::optional<int> connect_plan = 0;
  std::optional<int> connect_result;
  std::uint64_t number = 0;  // in the order of their making
  std::size_t server = 0;    // whose backend it leads to
  std::uint64_t moves = 0;   // from one worker to another
  SimStream* near = nullptr;
  FarSide* far = nullptr;

  [[nodiscard]] std::size_t room() const {
    return far_closed ? capacity : capacity - std::min(capacity, outbound.size());
  }
  void note_near_end() {
    read_at_end = near_ending ? read_at_end : read;
    near_ending = true;
  }
  [[nodiscard]] bool near_gone() const { return near_closed || near_reset; }

  // --- Verbs of the far side ---

  void send(std::string_view bytes) {
    if (far_ended || far_reset || bytes.empty()) {
      return;
    }
    sent += bytes.size();
    inbound.push(bytes);
    if (near_closed) {
      inbound.clear();
      near_reset = true;  // nobody is there to read them
    }
  }
  void end() { far_ended = true; }
  // The descriptor is closed in the ordinary way; unread bytes make it a reset.
  void close() {
    far_closed = true;
    if (!outbound.empty()) {
      reset();
    }
    outbound.clear();
    end();
  }
  void reset() {
    far_closed = true;
    far_reset = true;
    outbound.clear();
  }
  void read_out(std::size_t count) {
    outbound.pop(count);
    delivered += count;
  }

  // --- The network ---

  // Something that is on its way to the proxy arrives. False if nothing is.
  bool let_arrive(SimRandom& random) {
    if (near_closed || broken != 0 || connect_result != 0) {
      return false;
    }
    if (far_reset) {
      if (random.one_in(2)) {
        inbound.keep(arrived);  // the reset was faster
      }
      arrived = inbound.size();
      broken = random.one_in(5) ? EPIPE : ECONNRESET;
      return true;
    }
    if (arrived < inbound.size()) {
      arrived += random.part(inbound.size() - arrived);
      arrived += read + arrived == glued && arrived < inbound.size() ? 1 : 0;
      return true;
    }
    if (far_ended && !end_arrived) {
      end_arrived = true;
      return true;
    }
    return false;
  }
};

}  // namespace holdfast
