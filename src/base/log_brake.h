#pragma once

#include <cstdint>
#include <optional>

#include "base/time.h"

namespace holdfast {

// Lets one log line a second pass and counts those that it holds back, so that trouble that comes
// in thousands is told once a second, with its number.
class LogBrake {
 public:
  // How many lines were held back since the last one that passed, if this one may pass.
  [[nodiscard]] std::optional<std::uint64_t> pass(TimePoint now) {
    if (now < next_) {
      ++held_back_;
      return std::nullopt;
    }
    next_ = now + 1s;
    const std::uint64_t held_back = held_back_;
    held_back_ = 0;
    return held_back;
  }

 private:
  TimePoint next_{};
  std::uint64_t held_back_ = 0;
};

}  // namespace holdfast
