#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "config/scalars.h"

namespace holdfast {

// Looks a variable up. Tests pass their own.
using Environment = std::function<std::optional<std::string>(const std::string& name)>;

// The environment this program was started with.
[[nodiscard]] Environment own_environment();

// Replaces ${NAME}, ${NAME:-default}, ${NAME:?text} and $$ in one scalar. It works on values that
// YAML has parsed already, so a variable can never add structure; what it yields is not expanded
// again. A default or text holds no '}' and is taken as it stands.
[[nodiscard]] Reading<std::string> expand(std::string_view text, const Environment& environment);

}  // namespace holdfast
