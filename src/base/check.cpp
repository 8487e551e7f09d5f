#include "base/check.h"

#include <fmt/format.h>

#include <cstdio>
#include <cstdlib>
#include <string>

#include "base/log.h"

namespace holdfast {

void check_failed(const char* expression, const CodePlace& place, std::string_view about) {
  const std::string text = fmt::format(
      "broken invariant ({}) in {}, {}:{}. This is a bug: please report it.{}{}", expression,
      place.function, place.file, place.line, about.empty() ? "" : " ", about);
  if (log::enabled(LogLevel::error)) {
    log::write(LogLevel::error, text);
  } else {
    std::fprintf(stderr, "holdfast: %s\n", text.c_str());
  }
  std::abort();
}

}  // namespace holdfast
