#include "base/result.h"

#include <gtest/gtest.h>

#include <cerrno>

namespace holdfast {
namespace {

Result<int> halve(int number) {
  if (number % 2 != 0) {
    return unexpected(make_error(ErrorCode::local_failure, EDOM));
  }
  return number / 2;
}

TEST(Result, HoldsAValue) {
  const Result<int> half = halve(8);
  ASSERT_TRUE(half);
  EXPECT_EQ(*half, 4);
}

TEST(Result, HoldsTheReasonWhyThereIsNoValue) {
  const Result<int> half = halve(7);
  ASSERT_FALSE(half);
  EXPECT_EQ(half.error(), make_error(ErrorCode::local_failure, EDOM));
}

}  // namespace
}  // namespace holdfast
