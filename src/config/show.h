#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>

#include "config/config.h"

namespace holdfast {

// Where values come from, by path; see LoadOutcome. A path that is not there has its default.
using Origins = std::map<std::string, std::string, std::less<>>;

// What stands behind each value.
enum class Remark : std::uint8_t {
  nothing,
  origin,
  variable,  // the name of its environment variable
};

// A configuration with all its values, the defaults too, as YAML that loads to the same one.
[[nodiscard]] std::string config_as_yaml(Config config, const Origins& origins, Remark remark);

// The same as a JSON array of {key, value, origin, variable}.
[[nodiscard]] std::string config_as_json(Config config, const Origins& origins);

}  // namespace holdfast
