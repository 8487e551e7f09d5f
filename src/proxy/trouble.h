#pragma once

#include <string>
#include <string_view>

#include "base/error.h"

namespace holdfast {

// What went wrong between this machine and a server, for whoever runs the two: what happened, as a
// sentence without its full stop, and what to look at. Clients never get to see it; it may name
// what is inside.
struct Trouble {
  std::string what;
  std::string_view remedy;
};

// `server` is its address as text, which says whether it is a Unix socket.
[[nodiscard]] Trouble trouble_of(const Error& error, std::string_view server);

}  // namespace holdfast
