#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "base/check.h"

namespace holdfast::fuzz {

// The bytes of one run, taken apart from the front. What is asked for beyond the end is 0 or empty,
// so any bytes are a whole input. A property that fails ends the process through check(), which is
// what the fuzzer reports.
class Input {
 public:
  Input(const std::uint8_t* bytes, std::size_t size)
      : rest_(reinterpret_cast<const char*>(bytes), size) {}

  [[nodiscard]] bool empty() const { return rest_.empty(); }

  [[nodiscard]] std::uint8_t byte() {
    const std::string_view one = text(1);
    return one.empty() ? std::uint8_t{0} : static_cast<std::uint8_t>(one.front());
  }

  // A number below `bound`, from one byte.
  [[nodiscard]] std::size_t below(std::size_t bound) { return byte() % bound; }

  // Up to so many bytes.
  [[nodiscard]] std::string_view text(std::size_t bytes) {
    const std::string_view taken = rest_.substr(0, bytes);
    rest_.remove_prefix(taken.size());
    return taken;
  }

  [[nodiscard]] std::string_view rest() { return text(rest_.size()); }

 private:
  std::string_view rest_;
};

// How a stream of bytes arrives: whole, or in pieces whose sizes follow from one byte.
class Pieces {
 public:
  static constexpr std::uint8_t whole = 0;
  static constexpr std::uint8_t single_bytes = 1;

  explicit Pieces(std::uint8_t choice) : choice_(choice), state_(choice) {}

  // How many bytes come next.
  [[nodiscard]] std::size_t next() {
    if (choice_ == whole) {
      return static_cast<std::size_t>(-1);
    }
    if (choice_ == single_bytes) {
      return 1;
    }
    state_ = state_ * 1103515245U + 12345U;
    const std::size_t most = std::size_t{1} << (choice_ % 9);
    return 1 + (state_ >> 16) % most;
  }

 private:
  std::uint8_t choice_;
  std::uint32_t state_;
};

// The bytes in a place of their own and of their exact size, so that the sanitizer sees a read
// beyond them and a view that outlives them.
class Window {
 public:
  explicit Window(std::string_view bytes) : bytes_(bytes.begin(), bytes.end()) {}
  [[nodiscard]] std::string_view view() const { return {bytes_.data(), bytes_.size()}; }

 private:
  std::vector<char> bytes_;
};

}  // namespace holdfast::fuzz
