#pragma once

#include "base/result.h"

namespace holdfast::http1 {

// What a reader gives for bytes that it refuses.
[[nodiscard]] inline Unexpected refuse(ErrorCode code) { return unexpected(make_error(code)); }

}  // namespace holdfast::http1
