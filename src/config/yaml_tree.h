#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

#include "config/diagnostic.h"

namespace holdfast {

inline constexpr std::size_t max_yaml_depth = 32;
inline constexpr std::size_t max_yaml_nodes = 10'000;

enum class YamlKind : std::uint8_t { null, scalar, list, map };

// A YAML document as a tree of plain values, each with its place. Keys keep their order, and their
// duplicates. The children of a map are its keys and items, pairwise.
struct YamlNode {
  YamlKind kind = YamlKind::null;
  Place place;
  std::string text;             // of a scalar
  std::vector<YamlNode> keys;   // of a map
  std::vector<YamlNode> items;  // of a map or a list
};

// Reads one document. Refuses anchors, aliases and tags, and what is too deep or too large, while
// it reads: the time is bounded by the length of the text.
[[nodiscard]] tl::expected<YamlNode, Diagnostic> parse_yaml(std::string_view text);

}  // namespace holdfast
