#pragma once

#include <string>
#include <string_view>

#include "config/scalars.h"

namespace holdfast {

// The host of a route, as proxy/router compares it: a name, "*.suffix" or an IP address.
[[nodiscard]] Reading<std::string> read_route_host(std::string_view text);

// The path of a route, as proxy/router compares it: without percent-encoding. Refuses what no
// request's path could match, however it is read.
[[nodiscard]] Reading<std::string> read_route_path(std::string_view text);

}  // namespace holdfast
