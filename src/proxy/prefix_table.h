#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace holdfast {

// Finds, of many keys, those that a text begins with, the longest first. A text's place among the
// sorted keys is found by halving; every key that the text begins with is then that neighbour or
// above it, where `above` a key is the longest other one that the key itself begins with.
class PrefixTable {
 public:
  static constexpr std::size_t none = SIZE_MAX;

  PrefixTable() = default;
  // The keys are all different, and sorted.
  explicit PrefixTable(std::vector<std::string> sorted_keys);

  // The last key that is not behind the text in the order; none if there is no such key. It and
  // those above it hold all that the text begins with, and perhaps some that it does not.
  [[nodiscard]] std::size_t neighbour(std::string_view text) const;
  [[nodiscard]] std::size_t above(std::size_t number) const { return above_[number]; }
  [[nodiscard]] const std::string& key(std::size_t number) const { return keys_[number]; }
  [[nodiscard]] std::size_t size() const { return keys_.size(); }

 private:
  std::vector<std::string> keys_;
  std::vector<std::size_t> above_;
};

}  // namespace holdfast
