#include "base/check.h"

#include <gtest/gtest.h>

namespace holdfast {
namespace {

TEST(Check, LetsPassWhatHolds) { check(true, "all is well"); }

TEST(Check, EndsTheProgramAndNamesWhatIsBroken) {
  EXPECT_DEATH(check(false, "the anchor holds"), "broken invariant \\(the anchor holds\\)");
}

TEST(Check, NamesThePlaceOfTheCaller) { EXPECT_DEATH(check(false), "check_test.cpp"); }

TEST(Check, CanBeUsedInConstantExpressions) {
  constexpr int answer = [] {
    check(true);
    return 42;
  }();
  EXPECT_EQ(answer, 42);
}

#ifndef NDEBUG
TEST(Check, LooksAtCostlyInvariantsInDebugBuilds) {
  EXPECT_DEATH(debug_check(false, "every link is sound"), "every link is sound");
}
#endif

}  // namespace
}  // namespace holdfast
