#pragma once

#include <string>

namespace holdfast {

// The table of keys as a JSON Schema (draft 2020-12), with which editors complete and check a
// configuration. It lets through what only the whole configuration can tell, such as the name of an
// upstream that does not exist, and any value that holds a variable.
[[nodiscard]] std::string config_schema();

}  // namespace holdfast
