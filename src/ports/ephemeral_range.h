#pragma once

#include <bitset>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "base/result.h"

namespace holdfast {

// One bit per TCP port.
using PortSet = std::bitset<65536>;

// The local ports that Linux gives to connections which ask for none: ip_local_port_range without
// ip_local_reserved_ports. Each destination has the whole range to itself, because only the pair of
// both ends must be unique.
class EphemeralRange {
 public:
  // The range of this network namespace, as it is now.
  [[nodiscard]] static Result<EphemeralRange> read();

  // Reads the texts of the two sysctls: "32768 60999" and "8080,9000-9010" (which may be empty).
  [[nodiscard]] static std::optional<EphemeralRange> parse(std::string_view range,
                                                           std::string_view reserved);

  [[nodiscard]] bool contains(std::uint16_t port) const { return ports_.test(port); }
  [[nodiscard]] std::size_t size() const { return ports_.count(); }

  // How many of them are from the first to the last one of another range.
  [[nodiscard]] std::size_t size_within(std::uint16_t first, std::uint16_t last) const;

  // How many ports of the range are not in `held`.
  [[nodiscard]] std::size_t free_beside(const PortSet& held) const {
    return (ports_ & ~held).count();
  }

 private:
  PortSet ports_;
};

}  // namespace holdfast
