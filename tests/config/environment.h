#pragma once

#include "config/expand.h"

namespace holdfast {

// An environment without a variable.
inline const Environment nothing_set = [](const std::string&) { return std::nullopt; };

}  // namespace holdfast
