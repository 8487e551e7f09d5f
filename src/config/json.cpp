#include "config/json.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "config/values.h"

namespace holdfast {

std::string json_text(std::string_view text) {
  std::string result = "\"";
  for (const char byte : text) {
    if (static_cast<unsigned char>(byte) < 0x20) {
      result += fmt::format("\\u{:04x}", static_cast<unsigned>(byte));
      continue;
    }
    if (byte == '"' || byte == '\\') {
      result += '\\';
    }
    result += byte;
  }
  return result + '"';
}

std::string json_value(const Field& field, std::string_view text) {
  const bool may_be_number = field.kind == FieldKind::count || field.kind == FieldKind::workers;
  const bool is_number = may_be_number && std::all_of(text.begin(), text.end(), [](char byte) {
                           return byte >= '0' && byte <= '9';
                         });
  // YAML has these two words for themselves.
  const bool is_claim = field.kind == FieldKind::choice && (text == "true" || text == "false");
  return is_number || is_claim ? std::string(text) : json_text(text);
}

std::string json_value(const Field& field, FieldSlot slot) {
  if (!is_list(field.kind)) {
    return json_value(field, value_text(field, slot));
  }
  std::vector<std::string> items;
  for (const std::string& item : item_texts(slot)) {
    items.push_back(json_text(item));
  }
  return fmt::format("[{}]", fmt::join(items, ", "));
}

}  // namespace holdfast
