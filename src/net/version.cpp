#include "net/version.h"

#include <uv.h>

namespace holdfast {

std::string_view loop_library_version() { return uv_version_string(); }

}  // namespace holdfast
