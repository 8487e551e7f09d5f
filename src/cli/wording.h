#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/time.h"

namespace holdfast {

// "1 port", "2 ports".
[[nodiscard]] std::string counted(std::uint64_t count, std::string_view noun);

// A time that was measured, as people say it: "0.4 ms", "12 ms", "7.0 s", "75 s".
[[nodiscard]] std::string spoken(Duration time);

}  // namespace holdfast
