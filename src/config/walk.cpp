#include "config/walk.h"

#include <fmt/format.h>

namespace holdfast {
namespace {

using Visitor = std::function<void(const Visit&)>;

void walk_below(const Visit& above, const Visitor& visit);

// The elements of a map of names or of a list.
void walk_items(const Visit& above, const Visitor& visit) {
  const FieldItems& items = *above.field.items;
  const Field& element = *find_field(std::string(above.field.path) + ".*");
  const std::size_t count = items.count(above.target);
  for (std::size_t i = 0; i < count; ++i) {
    const FieldTarget target = items.at(above.target, i);
    const bool has_name = above.field.kind == FieldKind::names;
    const std::string key(has_name ? items.name(target) : "");
    const std::string path =
        has_name ? fmt::format("{}.{}", above.path, key) : fmt::format("{}[{}]", above.path, i);
    walk_below({element, path, key, target, above.depth + 1}, visit);
  }
}

void walk_keys(const Visit& above, std::string_view table_path, const Visitor& visit) {
  for (const Field& field : fields()) {
    const std::string key(last_part(field.path));
    if (path_above(field.path) == table_path && key != "*") {
      const std::string path = above.path.empty() ? key : fmt::format("{}.{}", above.path, key);
      const std::size_t depth = above.path.empty() ? 0 : above.depth + 1;
      walk_below({field, path, key, above.target, depth}, visit);
    }
  }
}

void walk_below(const Visit& here, const Visitor& visit) {
  visit(here);
  if (here.field.items != nullptr) {
    walk_items(here, visit);
  } else if (here.field.slot == nullptr) {
    walk_keys(here, here.field.path, visit);
  }
}

}  // namespace

void walk(Config& config, const std::function<void(const Visit&)>& visit) {
  constexpr Field root{.path = ""};
  walk_keys({root, "", "", {.config = &config}, 0}, "", visit);
}

}  // namespace holdfast
