#pragma once

#include <fmt/format.h>

#include <string_view>

#include "base/error.h"

namespace holdfast {

// What went wrong between this machine and a server, for whoever runs the two: what happened, as a
// sentence without its full stop, what the system says to it if that adds anything, and what to
// look at. Clients never get to see it; it may name what is inside. Needs no memory, for it is told
// when there may be none. fmt prints what happened: "The backend could not be reached (Protocol
// error)".
struct Trouble {
  std::string_view what;
  std::string_view system;
  std::string_view remedy;
};

// `server` is its address as text, which says whether it is a Unix socket.
[[nodiscard]] Trouble trouble_of(const Error& error, std::string_view server);

}  // namespace holdfast

template <>
struct fmt::formatter<holdfast::Trouble> : fmt::formatter<fmt::string_view> {
  auto format(const holdfast::Trouble& trouble, fmt::format_context& context) const {
    return trouble.system.empty()
               ? fmt::format_to(context.out(), "{}", trouble.what)
               : fmt::format_to(context.out(), "{} ({})", trouble.what, trouble.system);
  }
};
