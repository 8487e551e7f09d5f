#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/fields.h"
#include "config/scalars.h"

namespace holdfast {

// Reads the text as the field has it and writes it to the slot. A list gets one element more.
// Returns why the text is refused; the slot is unchanged then.
[[nodiscard]] std::optional<Complaint> put_value(const Field& field, FieldSlot slot,
                                                 std::string_view text);

// The value in the slot, as one would write it in a configuration.
[[nodiscard]] std::string value_text(const Field& field, FieldSlot slot);

// The elements of a list, each as one would write it. Empty for other kinds.
[[nodiscard]] std::vector<std::string> item_texts(FieldSlot slot);

// Takes all elements out of a list.
void clear_list(FieldSlot slot);

// The default, or "" where there is none. Taken from the option structs.
[[nodiscard]] std::string default_text(const Field& field);

// The values that a field takes, in words: "1k..64k", "auto, http/1.0 or http/1.1".
[[nodiscard]] std::string range_text(const Field& field);

// "a, b or c".
[[nodiscard]] std::string alternatives(std::span<const std::string_view> words);

}  // namespace holdfast
