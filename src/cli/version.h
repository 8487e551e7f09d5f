#pragma once

#include <string>

namespace holdfast {

// "holdfast 0.1.0", one line.
[[nodiscard]] std::string short_version();

// The same with the compiler and the libraries, one a line: what a bug report needs.
[[nodiscard]] std::string long_version();

}  // namespace holdfast
