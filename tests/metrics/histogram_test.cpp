#include "metrics/histogram.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <vector>

namespace holdfast {
namespace {

TEST(Histogram, PutsEachLimitIntoTheBucketBelowIt) {
  for (const std::uint64_t limit : {1ULL, 100ULL, 500ULL, 1'000ULL, 2'500ULL, 5'000ULL, 10'000ULL,
                                    250'000ULL, 1'000'000ULL, 10'000'000ULL, 100'000'000ULL}) {
    EXPECT_EQ(Histogram::largest_of(Histogram::bucket_of(limit)), limit) << limit;
    EXPECT_NE(Histogram::bucket_of(limit), Histogram::bucket_of(limit + 1)) << limit;
  }
}

TEST(Histogram, HasBucketsWithoutGapsOrOverlaps) {
  for (std::size_t i = 0; i + 1 < Histogram::bucket_count; ++i) {
    const std::uint64_t largest = Histogram::largest_of(i);
    EXPECT_EQ(Histogram::bucket_of(largest), i) << largest;
    EXPECT_EQ(Histogram::bucket_of(largest + 1), i + 1) << largest;
  }
}

TEST(Histogram, KeepsWhatIsTooLargeInTheLastBucket) {
  EXPECT_EQ(Histogram::bucket_of(~std::uint64_t{0}), Histogram::bucket_count - 1);
}

TEST(Histogram, CountsAsANaiveOneDoes) {
  const unsigned seed = std::random_device()();
  SCOPED_TRACE(seed);
  std::mt19937_64 random(seed);
  Histogram histogram;
  std::vector<std::uint64_t> values;
  std::uint64_t sum = 0;
  for (int i = 0; i < 20'000; ++i) {
    const std::uint64_t value = random() >> (random() % 40 + 24);
    histogram.add(value);
    values.push_back(value);
    sum += value;
  }
  EXPECT_EQ(histogram.count(), values.size());
  EXPECT_EQ(histogram.sum(), sum);
  for (const std::uint64_t limit : {0U, 7U, 100U, 500U, 1'000U, 2'500U, 50'000U, 10'000'000U}) {
    const auto below = std::count_if(values.begin(), values.end(),
                                     [&](std::uint64_t value) { return value <= limit; });
    EXPECT_EQ(histogram.count_up_to(limit), static_cast<std::uint64_t>(below)) << limit;
  }
}

TEST(Histogram, IsATenthOffAtMost) {
  Histogram histogram;
  for (std::uint64_t value = 1; value <= 10'000; ++value) {
    histogram.add(value);
  }
  EXPECT_NEAR(static_cast<double>(histogram.quantile(0.5)), 5'000, 500);
  EXPECT_NEAR(static_cast<double>(histogram.quantile(0.99)), 9'900, 990);
  EXPECT_EQ(Histogram().quantile(0.5), 0U);
}

TEST(Histogram, AddsAnother) {
  Histogram one;
  Histogram other;
  one.add(3);
  other.add(700);
  one.add(other);
  EXPECT_EQ(one.count(), 2U);
  EXPECT_EQ(one.sum(), 703U);
}

}  // namespace
}  // namespace holdfast
