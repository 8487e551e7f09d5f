#include "proxy/prefix_table.h"

#include <algorithm>

namespace holdfast {

PrefixTable::PrefixTable(std::vector<std::string> sorted_keys) : keys_(std::move(sorted_keys)) {
  above_.reserve(keys_.size());
  for (std::size_t i = 0; i < keys_.size(); ++i) {
    std::size_t candidate = i == 0 ? none : i - 1;
    while (candidate != none && !keys_[i].starts_with(keys_[candidate])) {
      candidate = above_[candidate];
    }
    above_.push_back(candidate);
  }
}

std::size_t PrefixTable::neighbour(std::string_view text) const {
  const auto behind = std::upper_bound(keys_.begin(), keys_.end(), text);
  return behind == keys_.begin() ? none : static_cast<std::size_t>(behind - keys_.begin()) - 1;
}

}  // namespace holdfast
