#pragma once

#include <string>

#include "admin/report.h"

namespace holdfast {

// What the reuse of a server's connections comes to, for people: whether they are used again, and
// if not, why, and what that costs. Empty as long as there is nothing to say.
[[nodiscard]] std::string verdict_of(const EndpointReport& endpoint);

// When the server closes connections, as far as that was learned; else empty.
[[nodiscard]] std::string limits_of(const EndpointReport& endpoint);

}  // namespace holdfast
