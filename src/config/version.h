#pragma once

#include <string_view>

namespace holdfast {

// The version of yaml-cpp that this program was built with.
[[nodiscard]] std::string_view yaml_library_version();

}  // namespace holdfast
