#include "server/memory.h"

#include <gtest/gtest.h>

namespace holdfast {
namespace {

TEST(MemoryBudget, ReadsTheLimitOfACgroup) {
  EXPECT_EQ(bytes_of_limit("536870912"), 536870912U);
  EXPECT_EQ(bytes_of_limit("536870912\n"), 536870912U);
  EXPECT_EQ(bytes_of_limit("max"), 0U);
  EXPECT_EQ(bytes_of_limit(""), 0U);
  EXPECT_EQ(bytes_of_limit("-1"), 0U);
  EXPECT_EQ(bytes_of_limit("99999999999999999999"), 0U);
}

TEST(MemoryBudget, IsTheConfiguredOne) { EXPECT_EQ(memory_budget(1000), 1000U); }

}  // namespace
}  // namespace holdfast
