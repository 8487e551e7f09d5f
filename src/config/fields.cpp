#include "config/fields.h"

#include <algorithm>
#include <array>

#include "config/listener_keys.h"
#include "config/operation_keys.h"
#include "config/process_keys.h"
#include "config/upstream_keys.h"

namespace holdfast {
namespace {

// The rows of all sections, one behind the other.
template <std::size_t... sizes>
constexpr auto joined(const std::array<Field, sizes>&... sections) {
  std::array<Field, (sizes + ...)> all{};
  auto* end = all.begin();
  ((end = std::copy(sections.begin(), sections.end(), end)), ...);
  return all;
}

constexpr auto key_table =
    joined(keys::process_rows, keys::listener_rows, keys::upstream_rows, keys::operation_rows);

// Other tools write keys in many ways: lower case and '_' for the '-' and blanks between words.
std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(separator), text.size());
    parts.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return parts;
}

std::string_view first_part(std::string_view path) { return path.substr(0, path.find('.')); }

// The first field that fits; one in the section of `path` is preferred to any other. The root
// belongs to no section.
template <class Fits>
const Field* find_near(std::string_view path, Fits fits) {
  const Field* near = nullptr;
  const Field* elsewhere = nullptr;
  for (const Field& field : key_table) {
    const bool holds_path = path == field.path || path.starts_with(std::string(field.path) + '.');
    if (holds_path || !fits(field)) {
      continue;
    }
    const bool sections_fit =
        path.empty() ? path_above(field.path).empty() : first_part(field.path) == first_part(path);
    if (path_above(field.path) == path) {
      return &field;
    }
    near = near == nullptr && sections_fit ? &field : near;
    elsewhere = elsewhere == nullptr ? &field : elsewhere;
  }
  return near != nullptr ? near : elsewhere;
}

}  // namespace

std::string normalised_word(std::string_view word) {
  std::string result(word);
  for (char& byte : result) {
    if (byte >= 'A' && byte <= 'Z') {
      byte = static_cast<char>(byte - 'A' + 'a');
    } else if (byte == '-' || byte == ' ') {
      byte = '_';
    }
  }
  return result;
}

std::span<const Field> fields() { return key_table; }

const Field* find_field(std::string_view path) {
  const auto* at = std::find_if(key_table.begin(), key_table.end(),
                                [path](const Field& field) { return field.path == path; });
  return at == key_table.end() ? nullptr : at;
}

std::string_view last_part(std::string_view path) {
  const std::size_t dot = path.rfind('.');
  return dot == std::string_view::npos ? path : path.substr(dot + 1);
}

std::string_view path_above(std::string_view path) {
  const std::size_t dot = path.rfind('.');
  return dot == std::string_view::npos ? std::string_view{} : path.substr(0, dot);
}

std::string path_for_people(std::string_view path) {
  std::string text;
  for (std::size_t at = 0; at < path.size(); ++at) {
    const bool is_star = path[at] == '*';
    const Field* above = is_star ? find_field(path.substr(0, at - 1)) : nullptr;
    if (above != nullptr && above->kind == FieldKind::maps) {
      text.back() = '[';
      text += ']';
    } else if (is_star) {
      text += "NAME";
    } else {
      text += path[at];
    }
  }
  return text;
}

std::vector<std::string_view> keys_below(std::string_view path) {
  std::vector<std::string_view> keys;
  for (const Field& field : key_table) {
    if (path_above(field.path) == path) {
      keys.push_back(last_part(field.path));
    }
  }
  return keys;
}

std::vector<std::string_view> choices_of(const Field& field) { return split(field.choices, '|'); }

const Field* find_foreign(std::string_view word, std::string_view path) {
  const std::string sought = normalised_word(word);
  return find_near(path, [&](const Field& field) {
    const std::vector<std::string_view> words = split(field.foreign, ' ');
    return std::find(words.begin(), words.end(), sought) != words.end();
  });
}

const Field* find_misplaced(std::string_view key, std::string_view path) {
  return find_near(path, [&](const Field& field) { return last_part(field.path) == key; });
}

}  // namespace holdfast
