#include "config/show.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>
#include <utility>
#include <vector>

#include "config/json.h"
#include "config/overrides.h"
#include "config/values.h"
#include "config/walk.h"

namespace holdfast {
namespace {

constexpr std::size_t max_remark_column = 60;

bool is_plain_scalar(std::string_view text) {
  const auto is_word = [](char byte) {
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
           (byte >= '0' && byte <= '9');
  };
  // YAML takes these for nothing.
  for (const std::string_view nothing : {"null", "Null", "NULL"}) {
    if (text == nothing) {
      return false;
    }
  }
  return !text.empty() && is_word(text.front()) && text.back() != ':' &&
         std::all_of(text.begin(), text.end(), [&](char byte) {
           return is_word(byte) || std::string_view("._/%:-").find(byte) != std::string_view::npos;
         });
}

// A scalar of YAML. Inside it a variable would be replaced, so a dollar sign is written twice.
std::string yaml_scalar(std::string_view text) {
  if (is_plain_scalar(text)) {
    return std::string(text);
  }
  std::string doubled;
  for (const char byte : text) {
    doubled += byte;
    if (byte == '$') {
      doubled += byte;
    }
  }
  return json_text(doubled);
}

std::string yaml_value(const Field& field, FieldSlot slot) {
  if (!is_list(field.kind)) {
    return yaml_scalar(value_text(field, slot));
  }
  std::vector<std::string> items;
  for (const std::string& item : item_texts(slot)) {
    items.push_back(json_text(item));
  }
  return fmt::format("[{}]", fmt::join(items, ", "));
}

// A value that was never given and has no default: nothing can be written for it.
bool is_absent(const Visit& visit) {
  const FieldItems* items = visit.field.items;
  if (items != nullptr && !visit.field.instead.empty()) {
    return items->count(visit.target) == 0;  // another key stands in its place
  }
  return visit.field.slot != nullptr &&
         value_text(visit.field, visit.field.slot(visit.target)).empty();
}

std::string origin_of(const Visit& visit, const Origins& origins) {
  const auto at = origins.find(visit.path);
  if (at != origins.end()) {
    return at->second;
  }
  const std::string_view follows = visit.field.follows;
  return follows.empty() ? "default" : fmt::format("default, as {}", follows);
}

std::string remark_on(const Visit& visit, const Origins& origins, Remark remark) {
  if (remark == Remark::nothing || visit.field.slot == nullptr) {
    return "";
  }
  return remark == Remark::origin ? origin_of(visit, origins) : variable_name(visit.path);
}

struct Line {
  std::string text;
  std::string remark;
};

// The lines of the YAML. An element of a list has no line of its own: it gives its first key a
// dash.
std::vector<Line> lines_of(Config& config, const Origins& origins, Remark remark) {
  std::vector<Line> lines;
  bool is_first_of_element = false;
  walk(config, [&](const Visit& visit) {
    if (visit.key.empty() || is_absent(visit)) {
      is_first_of_element = visit.key.empty() || is_first_of_element;
      return;
    }
    std::string indent(2 * visit.depth, ' ');
    if (std::exchange(is_first_of_element, false)) {
      indent[indent.size() - 2] = '-';
    }
    std::string text = fmt::format("{}{}:", indent, yaml_scalar(visit.key));
    if (visit.field.slot != nullptr) {
      text += ' ' + yaml_value(visit.field, visit.field.slot(visit.target));
    } else if (visit.field.items != nullptr && visit.field.items->count(visit.target) == 0) {
      text += " []";
    }
    lines.push_back({std::move(text), remark_on(visit, origins, remark)});
  });
  return lines;
}

}  // namespace

std::string config_as_yaml(Config config, const Origins& origins, Remark remark) {
  const std::vector<Line> lines = lines_of(config, origins, remark);
  std::size_t column = 0;
  for (const Line& line : lines) {
    if (line.text.size() < max_remark_column) {
      column = std::max(column, line.text.size());
    }
  }
  std::string text;
  for (const Line& line : lines) {
    text += line.remark.empty() ? line.text
                                : fmt::format("{:<{}}  # {}", line.text, column, line.remark);
    text += '\n';
  }
  return text;
}

std::string config_as_json(Config config, const Origins& origins) {
  std::string text = "[";
  walk(config, [&](const Visit& visit) {
    if (visit.field.slot == nullptr || is_absent(visit)) {
      return;
    }
    text += fmt::format(R"({}{{"key": {}, "value": {}, "origin": {}, "variable": {}}})",
                        text.size() == 1 ? "\n" : ",\n", json_text(visit.path),
                        json_value(visit.field, visit.field.slot(visit.target)),
                        json_text(origin_of(visit, origins)), json_text(variable_name(visit.path)));
  });
  return text + "\n]\n";
}

}  // namespace holdfast
