#pragma once

#include <string>

namespace holdfast {

// The version of llhttp, which splits the bytes of HTTP/1.
[[nodiscard]] std::string splitter_version();

}  // namespace holdfast
