#pragma once

#include <string_view>

#include "base/result.h"
#include "codec/http1/head.h"

namespace holdfast::http1 {

// A request target, taken apart.
struct Target {
  // Origin-form or asterisk-form; of an absolute-form target with a query but no path, the query
  // with its `?` alone.
  std::string_view path;
  // The authority of an absolute-form target; else empty.
  std::string_view authority{};
  // The port that an authority without one means; valid if there is an authority.
  std::string_view default_port{};
};

// Reads a request target (RFC 9112 section 3.2): origin-form, absolute-form of the schemes http and
// https, or `*` for OPTIONS.
[[nodiscard]] Result<Target> read_target(Method method, std::string_view text);

// True for `uri-host [":" port]` (RFC 9110 section 7.2), not empty, without user information, and
// without a comma: a list of hosts is read differently by different backends.
[[nodiscard]] bool valid_host(std::string_view host);

// Which host a request asks for: the authority of its target, else the one in its Host field.
// `field` is null if there is none. Refuses what leaves a doubt (RFC 9112 section 3.2): both must
// name the same host and port, though the one may spell out the port that the other implies.
[[nodiscard]] Result<std::string_view> choose_host(Version version, const Target& target,
                                                   const Field* field);

}  // namespace holdfast::http1
