#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace holdfast {

// How often values of each size came. Log-linear with two decimal digits: the first hundred numbers
// have a bucket each, then ninety share each power of ten, so that a bucket is never wider than a
// tenth of its values, and the usual limits (1, 2.5, 5, 10 ...) stand exactly between two buckets.
// A limit belongs to the bucket below it. Its memory is fixed; counting is an index and two
// additions.
class Histogram {
 public:
  static constexpr std::size_t powers = 6;  // from 100 on: up to 100 million
  static constexpr std::size_t bucket_count = 101 + 90 * powers + 1;

  void add(std::uint64_t value) {
    ++counts_[bucket_of(value)];
    sum_ += value;
  }

  void add(const Histogram& other) {
    for (std::size_t i = 0; i < bucket_count; ++i) {
      counts_[i] += other.counts_[i];
    }
    sum_ += other.sum_;
  }

  [[nodiscard]] std::uint64_t sum() const { return sum_; }
  [[nodiscard]] std::uint64_t count() const {
    std::uint64_t all = 0;
    for (const std::uint64_t one : counts_) {
      all += one;
    }
    return all;
  }

  // How many values were not above the limit; exact if the limit is largest_of() some bucket.
  [[nodiscard]] std::uint64_t count_up_to(std::uint64_t limit) const {
    std::uint64_t below = 0;
    for (std::size_t i = 0; i <= bucket_of(limit); ++i) {
      below += counts_[i];
    }
    return below;
  }

  // The largest value of the bucket that holds the given part, from 0 to 1, of all values; 0 if
  // there are none.
  [[nodiscard]] std::uint64_t quantile(double part) const {
    const auto rank = static_cast<std::uint64_t>(part * static_cast<double>(count()));
    std::uint64_t passed = 0;
    for (std::size_t i = 0; i < bucket_count; ++i) {
      passed += counts_[i];
      if (passed != 0 && passed >= rank) {
        return largest_of(i);
      }
    }
    return 0;
  }

  [[nodiscard]] static std::size_t bucket_of(std::uint64_t value) {
    if (value <= 100) {
      return value;
    }
    const std::uint64_t below = value - 1;  // so that a limit falls into the bucket below it
    if (below >= end) {
      return bucket_count - 1;
    }
    // The power of ten from the power of two (1233 / 4096 is log10(2)), then one comparison.
    const auto bits = static_cast<std::size_t>(std::bit_width(below));
    std::size_t power = (bits * 1233) >> 12;
    power -= below < tens[power] ? 1 : 0;
    return 101 + 90 * (power - 2) + below / tens[power - 1] - 10;
  }

  // The largest value that falls into a bucket; of the last, which has none, the limit of all
  // others.
  [[nodiscard]] static std::uint64_t largest_of(std::size_t bucket) {
    if (bucket <= 100) {
      return bucket;
    }
    if (bucket == bucket_count - 1) {
      return end;
    }
    const std::size_t power = (bucket - 101) / 90;
    return ((bucket - 101) % 90 + 11) * tens[power + 1];
  }

 private:
  static constexpr std::array<std::uint64_t, 10> tens{
      1, 10, 100, 1'000, 10'000, 100'000, 1'000'000, 10'000'000, 100'000'000, 1'000'000'000};
  static constexpr std::uint64_t end = tens[2 + powers];

  std::array<std::uint64_t, bucket_count> counts_{};
  std::uint64_t sum_ = 0;
};

}  // namespace holdfast
