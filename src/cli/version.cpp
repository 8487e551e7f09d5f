#include "cli/version.h"

#include <fmt/format.h>

#include <CLI/Version.hpp>

#include "base/log.h"
#include "codec/http1/version.h"
#include "config/version.h"
#include "net/version.h"

namespace holdfast {
namespace {

std::string compiler() {
#if defined(__clang__)
  return "clang " __clang_version__;
#else
  return "gcc " __VERSION__;
#endif
}

}  // namespace

std::string short_version() { return "holdfast " HOLDFAST_VERSION "\n"; }

std::string long_version() {
  return fmt::format(
      "{}compiler  {}\nlibuv     {}\nllhttp    {}\nyaml-cpp  {}\nlog       {}\nCLI11     {}\n",
      short_version(), compiler(), loop_library_version(), splitter_version(),
      yaml_library_version(), log::library_version(), CLI11_VERSION);
}

}  // namespace holdfast
