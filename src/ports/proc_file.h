#pragma once

#include <string>

#include "base/result.h"

namespace holdfast {

// The whole text of a file under /proc. The kernel makes it up while it is read and tells no size
// before, so it is read until it ends.
[[nodiscard]] Result<std::string> read_proc_file(const char* path);

}  // namespace holdfast
