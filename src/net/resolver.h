#pragma once

#include <string>
#include <tl/expected.hpp>

#include "net/address.h"

namespace holdfast {

// Turns "host:port" into an address: a numeric one as it is, a name by the system's resolver, whose
// first answer is taken. Blocks; for the start of the program only. The error says what is wrong,
// without the name.
[[nodiscard]] tl::expected<SocketAddress, std::string> resolve(const std::string& host_and_port);

}  // namespace holdfast
