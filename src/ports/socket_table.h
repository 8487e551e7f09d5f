#pragma once

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "base/result.h"
#include "ports/ephemeral_range.h"

namespace holdfast {

// The state of a TCP socket, with the numbers of the kernel's include/net/tcp_states.h.
enum class SocketState : std::uint8_t {
  established = 1,
  syn_sent,
  syn_received,
  fin_wait1,
  fin_wait2,
  time_wait,
  closed,
  close_wait,
  last_ack,
  listening,
  closing,
  new_syn_received,
};

inline constexpr std::size_t socket_state_count = 13;

// What an IPv4 address begins with that is mapped into IPv6.
inline constexpr std::array<std::uint8_t, 12> mapped_prefix{0, 0, 0, 0, 0,    0,
                                                            0, 0, 0, 0, 0xff, 0xff};

// One end of a connection. An IPv4 address is kept as mapped into IPv6, as the kernel shows it for
// sockets that speak both, so that either table names an end alike.
struct SocketEnd {
  std::array<std::uint8_t, 16> address{};
  std::uint16_t port = 0;

  [[nodiscard]] static SocketEnd of(const sockaddr& from);
  [[nodiscard]] bool is_v4() const {
    return std::equal(mapped_prefix.begin(), mapped_prefix.end(), address.begin());
  }
  friend bool operator==(const SocketEnd&, const SocketEnd&) = default;
};

// One row of /proc/net/tcp or /proc/net/tcp6.
struct SocketEntry {
  SocketEnd local;
  SocketEnd remote;
  SocketState state = SocketState::closed;
};

// Reads one row; nothing for the table's heading and for what is no row.
[[nodiscard]] std::optional<SocketEntry> parse_socket_entry(std::string_view line);

// How many sockets are in each state.
class StateCounts {
 public:
  [[nodiscard]] std::size_t of(SocketState state) const {
    return counts_[static_cast<std::size_t>(state)];
  }
  void add(SocketState state) { ++counts_[static_cast<std::size_t>(state)]; }

 private:
  std::array<std::size_t, socket_state_count> counts_{};
};

// The sockets of one network namespace that belong to connections with one destination. When both
// ends live in it, as over loopback, a connection is counted on both sides; a TIME_WAIT is not,
// because only the end that closed first keeps one.
struct DestinationUse {
  StateCounts towards;  // the callers' sockets
  StateCounts at;       // the destination's own sockets
  PortSet callers;      // the callers' ports that are part of a pair with the destination

  // Whichever side keeps them.
  [[nodiscard]] std::size_t time_wait() const {
    return towards.of(SocketState::time_wait) + at.of(SocketState::time_wait);
  }
};

// Adds the rows of one table's text to `use`.
void count_destination(std::string_view table, const SocketEnd& destination, DestinationUse& use);

// Counts in both tables of this network namespace. The kernel writes a row per socket of the
// namespace, so this costs milliseconds where there are ten thousands: not for the hot path.
[[nodiscard]] Result<DestinationUse> read_destination_use(const SocketEnd& destination);

}  // namespace holdfast
