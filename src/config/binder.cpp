#include "config/binder.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "config/fields.h"
#include "config/foreign_words.h"
#include "config/suggest.h"
#include "config/values.h"
#include "config/walk.h"

namespace holdfast {
namespace {

constexpr std::size_t max_name_bytes = 64;

// Where the binder is in the tree. `path` is the table's, with "*" for names; `shown` has them.
struct Spot {
  std::string path;
  std::string shown;
  Place place;  // of the key that holds the value
};

std::string joined(std::string_view above, std::string_view key) {
  return above.empty() ? std::string(key) : fmt::format("{}.{}", above, key);
}

std::string in(const Spot& spot) { return spot.shown.empty() ? "" : " in " + spot.shown; }

std::string with_hint(std::string text, std::string_view hint) {
  return hint.empty() ? text : fmt::format("{}; {}", text, hint);
}

bool is_name(std::string_view text) {
  return !text.empty() && text.size() <= max_name_bytes &&
         std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  c == '_' || c == '-';
         });
}

std::string_view kind_of(const YamlNode& node) {
  switch (node.kind) {
    case YamlKind::null:
      return "nothing";
    case YamlKind::scalar:
      return "a single value";
    case YamlKind::list:
      return "a list";
    case YamlKind::map:
      break;
  }
  return "a map";
}

// How to write a key as seen from a map: its last part in the same map, "pool.max_idle" in the same
// section, else in full.
std::string path_from(const Spot& spot, const Field& field) {
  std::string_view target = field.path;
  if (path_above(target) == spot.path) {
    return std::string(last_part(target));
  }
  const std::string text = path_for_people(target);
  const std::size_t star = target.find("*.");
  const bool is_near =
      star != std::string_view::npos && spot.path.starts_with(target.substr(0, star + 1));
  return is_near ? text.substr(star + std::string_view("NAME.").size()) : text;
}

// The key that someone who wrote this unknown one most likely meant, or null.
const Field* find_meant(std::string_view key, const Spot& spot) {
  if (!answer_to_foreign(key, spot.path).empty()) {
    return nullptr;
  }
  if (const Field* field = find_foreign(key, spot.path)) {
    return field;
  }
  if (const auto name = nearest(key, keys_below(spot.path))) {
    return find_field(joined(spot.path, *name));
  }
  return find_misplaced(key, spot.path);
}

std::string key_hint(std::string_view key, const Spot& spot, const Field* meant) {
  if (const std::string_view answer = answer_to_foreign(key, spot.path); !answer.empty()) {
    return std::string(answer);
  }
  if (meant == nullptr) {
    return spot.path.empty() ? fmt::format("known here: {}", alternatives(keys_below(""))) : "";
  }
  // The words of other tools get an answer; slips of the finger get a question.
  const bool is_foreign = find_foreign(key, spot.path) == meant;
  std::string path = path_from(spot, *meant);
  if (path == key) {
    path = path_for_people(meant->path);  // it stands in the wrong map
  }
  return is_foreign ? fmt::format("holdfast calls it '{}'", path)
                    : fmt::format("did you mean '{}'?", path);
}

std::string_view without_blanks(std::string_view text) {
  constexpr std::string_view blanks = " \t";
  text.remove_prefix(std::min(text.find_first_not_of(blanks), text.size()));
  return text.substr(0, text.find_last_not_of(blanks) + 1);
}

// Of the names that begin most like the word, as many as `nearest` looks at. All stand without
// `start`, which would make any two of them look alike.
std::vector<std::string> likely_names(std::string_view word, std::string_view start,
                                      Config& config) {
  const bool is_flag = start == set_flag;
  std::vector<std::string> names;
  if (!is_flag) {
    names = {listen_variable, upstream_variable};
  }
  walk(config, [&](const Visit& visit) {
    if (visit.field.slot != nullptr) {
      names.push_back(is_flag ? set_flag + visit.path : variable_name(visit.path));
    }
  });
  for (std::string& name : names) {
    name.erase(0, start.size());
  }
  const auto common = [word](const std::string& name) {
    return std::mismatch(word.begin(), word.end(), name.begin(), name.end()).first - word.begin();
  };
  std::stable_sort(names.begin(), names.end(), [&](const std::string& a, const std::string& b) {
    return common(a) > common(b);
  });
  names.resize(std::min(names.size(), max_candidates));
  return names;
}

// Flags and variables that no key has asked for, and variables that are meant for more than one. A
// variable may be another program's; a flag can only be a mistake.
void report_overrides(const Overrides& overrides, Binding& result) {
  for (const std::string& name : overrides.unused()) {
    const bool is_flag = name.starts_with(set_flag);
    const std::string_view start = is_flag ? set_flag : variable_prefix;
    const std::string_view word = std::string_view(name).substr(start.size());
    const std::vector<std::string> names = likely_names(word, start, result.config);
    const std::optional<std::string_view> meant =
        nearest(word, std::vector<std::string_view>(names.begin(), names.end()));
    const std::string hint =
        meant ? fmt::format("did you mean {}{}?", start, *meant)
              : fmt::format("'holdfast config show{}' lists all", is_flag ? "" : " --env");
    result.diagnostics.push_back({is_flag ? Severity::error : Severity::warning,
                                  name,
                                  {},
                                  with_hint("no key of this configuration has this name", hint)});
  }
  for (const auto& [name, paths] : overrides.ambiguous()) {
    const std::vector<std::string_view> words(paths.begin(), paths.end());
    result.diagnostics.push_back(
        {Severity::error,
         name,
         {},
         fmt::format("may mean {}; give one of them another name", alternatives(words))});
  }
}

// Walks a tree and the table together. One per document.
class Binder {
 public:
  Binder(const Environment& environment, Overrides overrides, Binding& result)
      : environment_(environment),
        overrides_(std::move(overrides)),
        result_(result),
        target_{.config = &result.config} {}

  void bind_root(const YamlNode& root) {
    if (root.kind != YamlKind::map) {
      report(root.place, fmt::format("{} stands where the map of all keys belongs", kind_of(root)));
      return;
    }
    bind_map(root, {.path = "", .shown = "", .place = {1, 1, 1}});
    report_overrides(overrides_, result_);
  }

 private:
  void report(Place place, std::string message) {
    result_.diagnostics.push_back({Severity::error, {}, place, std::move(message)});
  }

  void bind_map(const YamlNode& map, const Spot& spot) {
    std::set<const Field*> meant;
    for_each_key(map, spot, [&](const YamlNode& key, const YamlNode& value) {
      const Field* field = find_field(joined(spot.path, key.text));
      if (field == nullptr || key.text.find('.') != std::string::npos) {
        const Field* one = report_unknown(key, spot);
        // What has no key here cannot have been meant for one that is missing.
        if (one != nullptr || answer_to_foreign(key.text, spot.path).empty()) {
          meant.insert(one);
        }
        return;
      }
      const std::string shown = joined(spot.shown, key.text);
      bind_field(*field, value, {std::string(field->path), shown, key.place});
    });
    bind_overrides(spot);
    for (const Field& field : fields()) {
      const bool is_ours = field.need == Need::required && path_above(field.path) == spot.path;
      // A required key under a wrong name is one mistake, not two.
      if (is_ours && !meant.contains(&field)) {
        require(field, spot, meant);
      }
    }
  }

  // What flags and variables say about the keys of one map, and of maps that the file leaves out.
  void bind_overrides(const Spot& spot) {
    for (const Field& field : fields()) {
      if (path_above(field.path) != spot.path || last_part(field.path) == "*") {
        continue;
      }
      const std::string shown = joined(spot.shown, last_part(field.path));
      if (field.slot != nullptr) {
        if (const Override* value = overrides_.find(shown)) {
          bind_override(field, *value, shown);
        }
      } else if (field.kind == FieldKind::map && !result_.places.contains(shown) &&
                 overrides_.any_below(shown)) {
        bind_field(field, {}, {std::string(field.path), shown, {}});
      }
    }
  }

  void bind_override(const Field& field, const Override& value, const std::string& shown) {
    result_.places[shown] = {};
    result_.overruled[shown] = value.name;
    const FieldSlot slot = field.slot(target_);
    clear_list(slot);
    std::string_view rest = value.text;
    bool is_last = false;
    while (!is_last) {
      const std::size_t end = is_list(field.kind) ? rest.find(',') : std::string_view::npos;
      is_last = end == std::string_view::npos;
      if (const auto complaint = put_value(field, slot, without_blanks(rest.substr(0, end)))) {
        result_.diagnostics.push_back(
            {Severity::error, value.name, {}, with_hint(complaint->problem, complaint->hint)});
      }
      rest.remove_prefix(is_last ? rest.size() : end + 1);
    }
  }

  // Either the key or the one that can stand in its place is there, and not both.
  void require(const Field& field, const Spot& spot, const std::set<const Field*>& meant) {
    const std::string_view key = last_part(field.path);
    const bool is_there = result_.places.contains(joined(spot.shown, key));
    const auto other = result_.places.find(joined(spot.shown, field.instead));
    const bool other_is_there = !field.instead.empty() && other != result_.places.end();
    if (is_there && other_is_there) {
      report(other->second, fmt::format("{} has both '{}' and '{}'; keep one of them", spot.shown,
                                        key, field.instead));
    } else if (!is_there && !other_is_there &&
               !meant.contains(find_field(joined(spot.path, field.instead)))) {
      report(spot.place, spot.shown.empty()      ? fmt::format("there are no {}", key)
                         : field.instead.empty() ? fmt::format("{} has no '{}'", spot.shown, key)
                                                 : fmt::format("{} has neither '{}' nor '{}'",
                                                               spot.shown, key, field.instead));
    }
  }

  // Returns the key that was meant, or null.
  const Field* report_unknown(const YamlNode& key, const Spot& spot) {
    const Field* meant = find_meant(key.text, spot);
    result_.doubtful.insert(spot.shown);
    report(key.place, with_hint(fmt::format("unknown key {}{}", in_quotes(key.text), in(spot)),
                                key_hint(key.text, spot, meant)));
    return meant;
  }

  // Calls visit(key, value) for each entry whose key is text and the first of its kind.
  template <class Visit>
  void for_each_key(const YamlNode& map, const Spot& spot, Visit visit) {
    std::map<std::string_view, std::uint32_t> first_line;
    for (std::size_t i = 0; i < map.keys.size(); ++i) {
      const YamlNode& key = map.keys[i];
      if (key.kind != YamlKind::scalar) {
        report(key.place, fmt::format("{} stands where a key belongs{}", kind_of(key), in(spot)));
        continue;
      }
      const auto [earlier, is_first] = first_line.try_emplace(key.text, key.place.line);
      if (!is_first) {
        report(key.place, fmt::format("key {} is given twice{}; the first is in line {}",
                                      in_quotes(key.text), in(spot), earlier->second));
        continue;
      }
      visit(key, map.items[i]);
    }
  }

  void bind_field(const Field& field, const YamlNode& value, const Spot& spot) {
    const bool is_section = field.slot == nullptr && field.kind != FieldKind::maps;
    const bool has_own_place = !is_section && value.kind != YamlKind::null;
    result_.places[spot.shown] = has_own_place ? value.place : spot.place;
    if (is_section) {
      bind_section(field, value, spot);
    } else if (field.kind == FieldKind::maps || is_list(field.kind)) {
      bind_list(field, value, spot);
    } else {
      bind_scalar(field, value, spot);
    }
  }

  void bind_section(const Field& field, const YamlNode& value, const Spot& spot) {
    // "pool:" with nothing but comments below it is an empty map.
    const YamlNode empty{
        .kind = YamlKind::map, .place = spot.place, .text = {}, .keys = {}, .items = {}};
    const YamlNode& map = value.kind == YamlKind::null ? empty : value;
    if (map.kind != YamlKind::map) {
      const std::string example =
          field.kind == FieldKind::names
              ? ""
              : fmt::format("; write {{ {}: ... }}", keys_below(field.path).front());
      report(value.place, fmt::format("{} stands in {}, where a map belongs{}", kind_of(value),
                                      spot.shown, example));
    } else if (field.kind == FieldKind::names) {
      bind_names(field, map, spot);
    } else {
      bind_map(map, spot);
    }
  }

  void bind_names(const Field& field, const YamlNode& map, const Spot& spot) {
    if (map.keys.empty()) {
      report(spot.place, fmt::format("there are no {}", spot.shown));
    }
    const FieldTarget around = target_;
    for_each_key(map, spot, [&](const YamlNode& key, const YamlNode& value) {
      if (!is_name(key.text)) {
        report(key.place, fmt::format("{} is not a name for one of {}; use up to {} letters, "
                                      "digits, '-' and '_'",
                                      in_quotes(key.text), spot.shown, max_name_bytes));
        return;
      }
      target_ = field.items->add(around, key.text);
      const Spot below{spot.path + ".*", joined(spot.shown, key.text), key.place};
      bind_field(*find_field(below.path), value, below);
    });
    target_ = around;
  }

  // An element of a list of maps. It has no key, so its place is its own.
  void bind_item(const Field& field, const YamlNode& item, const Spot& spot) {
    const FieldTarget around = target_;
    const std::size_t index = field.items->count(around);
    target_ = field.items->add(around, "");
    const Spot below{spot.path + ".*", fmt::format("{}[{}]", spot.shown, index), item.place};
    bind_field(*find_field(below.path), item, below);
    target_ = around;
  }

  void bind_list(const Field& field, const YamlNode& value, const Spot& spot) {
    if (value.kind != YamlKind::list) {
      const Place place = value.kind == YamlKind::null ? spot.place : value.place;
      report(place, fmt::format("{} stands in {}, where a list belongs; write [...]",
                                kind_of(value), spot.shown));
      return;
    }
    if (value.items.empty() && (field.need == Need::required || field.items != nullptr)) {
      report(value.place, fmt::format("the list {} is empty", spot.shown));
    }
    for (const YamlNode& item : value.items) {
      if (field.items == nullptr) {
        bind_scalar(field, item, spot);
      } else {
        bind_item(field, item, spot);
      }
    }
  }

  void bind_scalar(const Field& field, const YamlNode& value, const Spot& spot) {
    if (value.kind == YamlKind::null) {
      report(spot.place, fmt::format("{} has no value", spot.shown));
      return;
    }
    if (value.kind != YamlKind::scalar) {
      report(value.place, fmt::format("{} stands in {}, where a single value belongs",
                                      kind_of(value), spot.shown));
      return;
    }
    const Reading<std::string> text = expand(value.text, environment_);
    const std::optional<Complaint> complaint =
        text ? put_value(field, field.slot(target_), *text) : text.error();
    if (complaint) {
      report(value.place, with_hint(complaint->problem + in(spot), complaint->hint));
    }
  }

  const Environment& environment_;
  Overrides overrides_;
  Binding& result_;
  FieldTarget target_;  // with the names and elements that are being bound
};

}  // namespace

Binding bind_tree(const YamlNode& root, const Environment& environment, Overrides overrides) {
  Binding result;
  Binder(environment, std::move(overrides), result).bind_root(root);
  return result;
}

}  // namespace holdfast
