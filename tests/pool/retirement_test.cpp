#include "pool/retirement.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string_view>

namespace holdfast {
namespace {

TEST(Retirement, NamesEachReasonDifferently) {
  std::set<std::string_view> names;
  for (std::size_t i = 0; i < retirement_count; ++i) {
    EXPECT_TRUE(names.insert(retirement_name(static_cast<Retirement>(i))).second) << i;
  }
}

TEST(Retirement, NamesReasonsAsMetricLabels) {
  for (std::size_t i = 0; i < retirement_count; ++i) {
    const std::string_view name = retirement_name(static_cast<Retirement>(i));
    EXPECT_FALSE(name.empty()) << i;
    EXPECT_TRUE(std::ranges::all_of(name, [](char c) {
      return c == '_' || (c >= 'a' && c <= 'z');
    })) << name;
  }
}

TEST(Retirement, NamesTheFirstAMiddleAndTheLastReason) {
  EXPECT_EQ(retirement_name(Retirement::none), "none");
  EXPECT_EQ(retirement_name(Retirement::closed_by_backend), "closed_by_backend");
  EXPECT_EQ(retirement_name(Retirement::shutdown), "shutdown");
}

TEST(Retirement, DiesWhenAskedForTheNameOfNoReason) {
  EXPECT_DEATH((void)retirement_name(static_cast<Retirement>(retirement_count)), "without a name");
}

}  // namespace
}  // namespace holdfast
