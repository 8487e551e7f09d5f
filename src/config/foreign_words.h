#pragma once

#include <string_view>

namespace holdfast {

// What to say of another tool's key that has none here: what holdfast does instead, or that it does
// not. Empty if the word is not known, or means a key in the map `path`. Words that mean a key of
// holdfast stand in the rows of the table of keys.
[[nodiscard]] std::string_view answer_to_foreign(std::string_view word, std::string_view path);

}  // namespace holdfast
