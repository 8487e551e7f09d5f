#pragma once

#include <tl/expected.hpp>

#include "base/error.h"

namespace holdfast {

// A value, or the reason why there is none.
template <class T>
using Result = tl::expected<T, Error>;

using Unexpected = tl::unexpected<Error>;

[[nodiscard]] inline Unexpected unexpected(Error error) { return Unexpected(error); }

}  // namespace holdfast
