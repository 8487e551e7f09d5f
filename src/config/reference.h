#pragma once

#include <string>

namespace holdfast {

// The table of all keys in Markdown, as conf/README.md shows it.
[[nodiscard]] std::string reference_table();

}  // namespace holdfast
