#include "cli/option_value.h"

#include "config/diagnostic.h"

namespace holdfast {

Reading<Duration> read_patience(const std::string& text) {
  Reading<Duration> time = read_duration(text);
  if (time && (*time <= 0s || *time > 24h)) {
    return tl::unexpected(Complaint{in_quotes(text) + " is not a time from 1ms to 24h", ""});
  }
  return time;
}

}  // namespace holdfast
