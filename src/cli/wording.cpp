#include "cli/wording.h"

#include <fmt/format.h>

namespace holdfast {

std::string counted(std::uint64_t count, std::string_view noun) {
  return fmt::format("{} {}{}", count, noun, count == 1 ? "" : "s");
}

std::string spoken(Duration time) {
  const double milliseconds = std::chrono::duration<double, std::milli>(time).count();
  if (milliseconds < 1000) {
    return fmt::format("{:.{}f} ms", milliseconds, milliseconds < 10 ? 1 : 0);
  }
  const bool is_whole = time % 1s == 0s;
  return fmt::format("{:.{}f} s", milliseconds / 1000, is_whole ? 0 : 1);
}

}  // namespace holdfast
