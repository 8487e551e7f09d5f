#include "config/reference.h"

#include <fmt/format.h>

#include <string_view>

#include "config/fields.h"
#include "config/values.h"

namespace holdfast {
namespace {

std::string default_column(const Field& field) {
  if (field.need == Need::required) {
    return field.instead.empty() ? "required" : fmt::format("this or `{}`", field.instead);
  }
  const std::string text = default_text(field);
  if (text.empty()) {
    return "";
  }
  return field.follows.empty() ? fmt::format("`{}`", text) : fmt::format("as `{}`", text);
}

}  // namespace

std::string reference_table() {
  std::string text = "| key | value | default | change | meaning |\n|---|---|---|---|---|\n";
  for (const Field& field : fields()) {
    const std::string_view change = field.slot == nullptr             ? ""
                                    : field.change == Change::restart ? "restart"
                                                                      : "reload";
    text += fmt::format("| `{}` | {} | {} | {} | {} |\n", path_for_people(field.path),
                        range_text(field), default_column(field), change, field.line);
  }
  return text;
}

}  // namespace holdfast
