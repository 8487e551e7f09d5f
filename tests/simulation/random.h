#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>

namespace holdfast {

// Every choice of a simulated run. The same seed makes the same choices; or a script makes them, as
// far as it goes: so a fuzzer can lead a run.
class SimRandom {
 public:
  explicit SimRandom(std::uint64_t seed) : state_(seed) {}
  explicit SimRandom(std::span<const std::uint8_t> script) : script_(script) {}

  // splitmix64.
  [[nodiscard]] std::uint64_t next() {
    if (!script_.empty()) {
      return next_of_script();
    }
    state_ += 0x9e3779b97f4a7c15;
    std::uint64_t mixed = state_;
    mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9;
    mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111eb;
    return mixed ^ (mixed >> 31);
  }

  // 0 to below-1, or 0.
  [[nodiscard]] std::size_t below(std::size_t below) { return below <= 1 ? 0 : next() % below; }
  [[nodiscard]] std::size_t between(std::size_t least, std::size_t most) {
    return least + below(most - least + 1);
  }
  [[nodiscard]] bool one_in(std::size_t n) { return below(n) == 0; }
  [[nodiscard]] bool percent(std::size_t share) { return below(100) < share; }
  // 0 to `most`, each order of magnitude alike.
  [[nodiscard]] std::size_t size(std::size_t most) {
    const std::size_t bits = below(static_cast<std::size_t>(std::bit_width(most)) + 1);
    return std::size_t{0} + (bits == 0 ? 0 : next() % (std::uint64_t{1} << bits)) % (most + 1);
  }
  // 1 to `most`, which is at least 1: often all, else any part.
  [[nodiscard]] std::size_t part(std::size_t most) {
    return most <= 1 || one_in(2) ? most : one_in(2) ? 1 + size(most - 1) : between(1, most);
  }
  template <class T, std::size_t count>
  [[nodiscard]] const T& any_of(const T (&choices)[count]) {
    return choices[below(count)];
  }

 private:
  std::uint64_t next_of_script() {
    std::uint64_t value = script_[0];
    if (script_.size() > 1) {
      value = value << 8 | script_[1];
    }
    script_ = script_.subspan(script_.size() > 1 ? 2 : 1);
    return value;
  }

  std::uint64_t state_ = 0;
  std::span<const std::uint8_t> script_;
};

}  // namespace holdfast
