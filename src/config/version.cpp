#include "config/version.h"

namespace holdfast {

// yaml-cpp has no version in its headers; the build knows it.
std::string_view yaml_library_version() {
#ifdef HOLDFAST_YAML_CPP_VERSION
  return HOLDFAST_YAML_CPP_VERSION;
#else
  return "(unknown)";
#endif
}

}  // namespace holdfast
