#include "base/line_ring.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <deque>
#include <string>
#include <vector>

namespace holdfast {
namespace {

std::string all_of(const LineRing& ring) {
  const auto parts = ring.waiting();
  return std::string(parts[0]) + std::string(parts[1]);
}

TEST(LineRing, GivesLinesInTheirOrder) {
  LineRing ring(16);
  EXPECT_TRUE(ring.empty());
  EXPECT_TRUE(ring.push("one\n"));
  EXPECT_TRUE(ring.push("two\n"));
  EXPECT_FALSE(ring.empty());
  EXPECT_EQ(all_of(ring), "one\ntwo\n");
}

TEST(LineRing, CanBeFullToItsLastByte) {
  LineRing ring(8);
  EXPECT_TRUE(ring.push("1234567\n"));
  EXPECT_FALSE(ring.push("\n"));
  ring.consume(1);
  EXPECT_TRUE(ring.push("\n"));
  EXPECT_EQ(all_of(ring), "234567\n\n");
}

TEST(LineRing, RefusesALineWhole) {
  LineRing ring(8);
  EXPECT_TRUE(ring.push("1234\n"));
  EXPECT_FALSE(ring.push("abc\n"));
  EXPECT_EQ(all_of(ring), "1234\n");
  EXPECT_TRUE(ring.push("ab\n"));
}

TEST(LineRing, NeverTakesALineThatIsLargerThanItself) {
  LineRing ring(8);
  EXPECT_FALSE(ring.push("12345678\n"));
  EXPECT_TRUE(ring.empty());
}

// Any sequence of pushes and of takings of a part gives what a queue of bytes gives.
RC_GTEST_PROP(LineRing, IsAQueueOfBytesWithABound, (std::vector<std::uint8_t> steps)) {
  LineRing ring(64);
  std::string expected;
  char letter = 'a';
  for (const std::uint8_t step : steps) {
    const std::size_t bytes = step % 48;
    if (step < 128) {
      const std::string line(bytes, letter++);
      const bool fits = expected.size() + bytes <= ring.capacity();
      RC_ASSERT(ring.push(line) == fits);
      expected += fits ? line : "";
    } else {
      const std::size_t taken = std::min(bytes, expected.size());
      ring.consume(taken);
      expected.erase(0, taken);
    }
    RC_ASSERT(all_of(ring) == expected);
    RC_ASSERT(ring.empty() == expected.empty());
  }
}

}  // namespace
}  // namespace holdfast
