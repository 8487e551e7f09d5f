#include "base/check.h"

#include <gtest/gtest.h>

namespace holdfast {
namespace {

TEST(Check, LetsPassWhatHolds) { check(true, "all is well"); }

TEST(Check, EndsTheProgramAndNamesWhatIsBroken) {
  EXPECT_DEATH(check(false, "the anchor holds"), "broken invariant \\(the anchor holds\\)");
}

TEST(Check, NamesThePlaceOfTheCaller) { EXPECT_DEATH(check(false), "check_test.cpp"); }

TEST(Check, SaysWhatIsKnownAboutIt) {
  EXPECT_DEATH(check_about(false, "the anchor holds", [] { return "It weighs 3 t."; }),
               "the anchor holds.*report it. It weighs 3 t.");
}

TEST(Check, DescribesNothingAsLongAsAllIsWell) {
  bool described = false;
  check_about(true, "all is well", [&] {
    described = true;
    return "";
  });
  EXPECT_FALSE(described);
}

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
