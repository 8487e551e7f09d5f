#pragma once

#include <string>
#include <string_view>

#include "config/fields.h"

namespace holdfast {

// A text as JSON has it.
[[nodiscard]] std::string json_text(std::string_view text);

// A value as JSON has it, given as one would write it in a configuration: counts are numbers.
[[nodiscard]] std::string json_value(const Field& field, std::string_view text);

// The value in the slot as JSON has it; a list is an array.
[[nodiscard]] std::string json_value(const Field& field, FieldSlot slot);

}  // namespace holdfast
