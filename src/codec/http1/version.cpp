#include "codec/http1/version.h"

#include <fmt/format.h>
#include <llhttp.h>

namespace holdfast {

std::string splitter_version() {
  return fmt::format("{}.{}.{}", LLHTTP_VERSION_MAJOR, LLHTTP_VERSION_MINOR, LLHTTP_VERSION_PATCH);
}

}  // namespace holdfast
