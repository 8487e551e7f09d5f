#include "config/schema.h"

#include <fmt/format.h>

#include <string_view>
#include <vector>

#include "config/fields.h"
#include "config/json.h"
#include "config/values.h"

namespace holdfast {
namespace {

// The parts of the patterns.
constexpr std::string_view name_pattern = R"([A-Za-z0-9_][A-Za-z0-9_.-]*)";
constexpr std::string_view v6_pattern = R"(\\[[0-9a-fA-F:.]+\\])";
constexpr std::string_view duration_pattern =
    R"((0|(?=[0-9])([0-9]+h)?([0-9]+m)?([0-9]+s)?([0-9]+ms)?))";

constexpr std::string_view head = R"({
  "$schema": "https://json-schema.org/draft/2020-12/schema",
  "title": "holdfast configuration",
  "$defs": {
)";

// What the schema of a scalar is made of. A bare number is good only where it is 0.
std::string definitions() {
  const auto text = [](std::string_view name, const std::string& pattern) {
    return fmt::format("    \"{}\": {{\"type\": \"string\", \"pattern\": \"{}\"}}", name, pattern);
  };
  const auto with_unit = [](std::string_view name, const std::string& pattern) {
    return fmt::format(
        "    \"{}\": {{\"anyOf\": [{{\"const\": 0}}, {{\"type\": \"string\", \"pattern\": "
        "\"^{}$\"}}]}}",
        name, pattern);
  };
  const std::string host = fmt::format("({}|{})", name_pattern, v6_pattern);
  const std::string port = "[0-9]{1,5}";
  const std::vector<std::string> all = {
      text("variable", R"(\\$)"),
      with_unit("duration", std::string(duration_pattern)),
      with_unit("size", "(0|[0-9]+(b|k|m|g|KiB|MiB|GiB))"),
      with_unit("percentage", "(0|0*(100|[0-9]{1,2})%)"),
      text("address", fmt::format("^(([0-9.]*|{}):{}|unix:.+)$", v6_pattern, port)),
      text("network", "^([0-9a-fA-F:.]+(/[0-9]{1,3})?|unix:)$"),
      text("ip", "^[0-9a-fA-F:.]+$"),
      text("ports", "^(auto|[0-9]{1,5}-[0-9]{1,5})$"),
      text("server", fmt::format("^({}:{}|unix:.+)$", host, port)),
      text("host", fmt::format("^{}(:{})?$", host, port)),
      text("name", "^[A-Za-z0-9_-]{1,64}$"),
      text("route_path", "^/[^*?# ]*$")};
  return fmt::format("{}\n  }},\n", fmt::join(all, ",\n"));
}

std::string definition(std::string_view name) {
  return fmt::format(R"({{"$ref": "#/$defs/{}"}})", name);
}

std::string any_of(const std::string& one, const std::string& other) {
  return fmt::format(R"("anyOf": [{}, {}])", one, other);
}

std::string with_variable(const std::string& one) { return any_of(one, definition("variable")); }

std::string list_of(const Field& field, std::string_view name) {
  return fmt::format(R"("type": "array", "items": {{{}}}{})", with_variable(definition(name)),
                     field.need == Need::required ? R"(, "minItems": 1)" : "");
}

std::string count_within(const FieldRange& range) {
  return fmt::format(R"({{"type": "integer", "minimum": {}, "maximum": {}}})", range.min,
                     range.max);
}

std::string one_of_words(const Field& field) {
  std::vector<std::string> words;
  for (const std::string_view word : choices_of(field)) {
    words.push_back(json_value(field, word));
  }
  return fmt::format(R"({{"enum": [{}]}})", fmt::join(words, ", "));
}

// What a value may be, as members of a JSON object.
std::string value_schema(const Field& field) {
  switch (field.kind) {
    case FieldKind::count:
      return with_variable(count_within(field.range));
    case FieldKind::workers:
      return with_variable(
          fmt::format(R"({{{}}})", any_of(R"({"const": "auto"})", count_within(field.range))));
    case FieldKind::mode:
      return with_variable(R"({"type": ["string", "integer"], "pattern": "^0?[0-7]{3}$"})");
    case FieldKind::size:
      return with_variable(definition("size"));
    case FieldKind::duration_or_auto:
      return with_variable(
          fmt::format(R"({{{}}})", any_of(R"({"const": "auto"})", definition("duration"))));
    case FieldKind::duration:
      return with_variable(definition("duration"));
    case FieldKind::percentage:
      return with_variable(definition("percentage"));
    case FieldKind::choice:
      return with_variable(one_of_words(field));
    case FieldKind::route_path:
      return with_variable(definition("route_path"));
    case FieldKind::path:
    case FieldKind::route_host:
      return with_variable(R"({"type": "string", "minLength": 1})");
    case FieldKind::address:
      return with_variable(definition("address"));
    case FieldKind::address_or_off:
      return with_variable(
          fmt::format(R"({{{}}})", any_of(R"({"enum": ["off", ""]})", definition("address"))));
    case FieldKind::networks:
      return list_of(field, "network");
    case FieldKind::addresses:
      return list_of(field, "ip");
    case FieldKind::ports:
      return with_variable(definition("ports"));
    case FieldKind::servers:
      return list_of(field, "server");
    case FieldKind::host:
      return with_variable(definition("host"));
    case FieldKind::upstream:
      return with_variable(definition("name"));
    case FieldKind::map:
    case FieldKind::names:
    case FieldKind::maps:
      break;
  }
  return "";
}

// Writes the object of one map of the table and of all below it.
class SchemaWriter {
 public:
  std::string write() {
    text_ = std::string(head) + definitions();
    write_map("", 1);
    return text_ + "}\n";
  }

 private:
  void line(std::size_t depth, std::string_view text) {
    text_ += std::string(2 * depth, ' ');
    text_ += text;
    text_ += '\n';
  }

  // The members of an object that describes a map.
  void write_map(std::string_view path, std::size_t depth) {
    std::vector<const Field*> keys;
    std::vector<std::string> required;
    std::string alternatives;
    for (const Field& field : fields()) {
      if (path_above(field.path) == path && last_part(field.path) != "*") {
        keys.push_back(&field);
        if (field.need == Need::required && !field.instead.empty()) {
          alternatives = fmt::format(R"("oneOf": [{{"required": [{}]}}, {{"required": [{}]}}],)",
                                     json_text(last_part(field.path)), json_text(field.instead));
        } else if (field.need == Need::required) {
          required.push_back(json_text(last_part(field.path)));
        }
      }
    }
    // A section with nothing in it but comments is null.
    line(depth, required.empty() && !path.empty() ? R"("type": ["object", "null"],)"
                                                  : R"("type": "object",)");
    line(depth, R"("additionalProperties": false,)");
    if (!required.empty()) {
      line(depth, fmt::format(R"("required": [{}],)", fmt::join(required, ", ")));
    }
    if (!alternatives.empty()) {
      line(depth, alternatives);
    }
    line(depth, R"("properties": {)");
    for (const Field* field : keys) {
      write_key(*field, depth + 1, field == keys.back() ? "" : ",");
    }
    line(depth, "}");
  }

  void write_key(const Field& field, std::size_t depth, std::string_view comma) {
    line(depth, fmt::format("{}: {{", json_text(last_part(field.path))));
    std::string about = fmt::format(R"("description": {},)", json_text(field.line));
    if (const std::string value = default_text(field); !value.empty() && field.follows.empty()) {
      about +=
          fmt::format(R"( "default": {},)", is_list(field.kind) ? value : json_value(field, value));
    }
    line(depth + 1, about);
    const std::string element = std::string(field.path) + ".*";
    if (field.kind == FieldKind::names) {
      line(depth + 1, R"("type": "object", "minProperties": 1, "additionalProperties": false,)");
      line(depth + 1, R"("patternProperties": {"^[A-Za-z0-9_-]{1,64}$": {)");
      write_map(element, depth + 2);
      line(depth + 1, "}}");
    } else if (field.kind == FieldKind::maps) {
      line(depth + 1, R"("type": "array", "minItems": 1, "items": {)");
      write_map(element, depth + 2);
      line(depth + 1, "}");
    } else if (field.kind == FieldKind::map) {
      write_map(field.path, depth + 1);
    } else {
      line(depth + 1, value_schema(field));
    }
    line(depth, fmt::format("}}{}", comma));
  }

  std::string text_;
};

}  // namespace

std::string config_schema() { return SchemaWriter().write(); }

}  // namespace holdfast
