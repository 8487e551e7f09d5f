#pragma once

#include <optional>
#include <vector>

#include "base/result.h"
#include "ports/socket_table.h"

namespace holdfast {

// The TCP sockets of this network namespace that belong to a connection: all of them, or those
// whose other end is `destination`. Asks the kernel's socket diagnosis (NETLINK_SOCK_DIAG), which
// filters before it answers; where that is missing or forbidden, reads /proc/net/tcp. Takes
// milliseconds where there are ten thousands: not for the hot path.
[[nodiscard]] Result<std::vector<SocketEntry>> dump_sockets(
    const std::optional<SocketEnd>& destination = std::nullopt);

}  // namespace holdfast
