#include "base/check.h"

#include <cstdio>
#include <cstdlib>

namespace holdfast {

void check_failed(const char* expression, const CodePlace& place) {
  std::fprintf(stderr,
               "holdfast: broken invariant (%s) in %s, %s:%u. This is a bug: please report it.\n",
               expression, place.function, place.file, place.line);
  std::abort();
}

}  // namespace holdfast
