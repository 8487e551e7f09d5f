#pragma once

#include <new>

namespace holdfast {

// Runs what allocates; false, and nothing has changed, if there is no memory for it. The one place
// where the exception of the standard library becomes a value: what grows while requests are served
// grows in here, and its caller fails one request or one connection instead of the process. `grow`
// must leave everything as it was if it throws, as one push_back or reserve does.
template <class Grow>
[[nodiscard]] bool has_memory_for(Grow grow) {
  try {
    grow();
    return true;
  } catch (const std::bad_alloc&) {
    return false;
  }
}

}  // namespace holdfast
