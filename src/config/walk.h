#pragma once

#include <cstddef>
#include <functional>
#include <string>

#include "config/fields.h"

namespace holdfast {

// One key of a configuration on a walk: a section, an element or a value.
struct Visit {
  const Field& field;
  std::string path;  // with the names in it: "upstreams.legacy.pool", "listeners.web.routes[0]"
  std::string key;   // the last part; "" for an element of a list
  FieldTarget target;
  std::size_t depth = 0;
};

// Visits all keys in the order of the table, what holds others before those. The configuration is
// not changed by the walk itself.
void walk(Config& config, const std::function<void(const Visit&)>& visit);

}  // namespace holdfast
