#pragma once

#include <string_view>

namespace holdfast {

// The version of libuv that this program runs with.
[[nodiscard]] std::string_view loop_library_version();

}  // namespace holdfast
