#include "pool/permits.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

namespace holdfast {
namespace {

TEST(Permits, GivesAsManyAsTheLimit) {
  Permits permits(2);
  EXPECT_TRUE(permits.take());
  EXPECT_TRUE(permits.take());
  EXPECT_FALSE(permits.take());
  EXPECT_EQ(permits.taken(), 2U);
  EXPECT_EQ(permits.limit(), 2U);
}

TEST(Permits, GivesAReturnedPermitAgain) {
  Permits permits(1);
  ASSERT_TRUE(permits.take());
  permits.give_back();
  EXPECT_EQ(permits.taken(), 0U);
  EXPECT_TRUE(permits.take());
}

TEST(Permits, GivesNoneWithALimitOfZero) { EXPECT_FALSE(Permits(0).take()); }

TEST(Permits, DiesWhenAPermitIsReturnedThatWasNeverTaken) {
  Permits permits(1);
  EXPECT_DEATH(permits.give_back(), "never taken");
}

TEST(Permits, HoldsTheLimitExactlyAmongThreads) {
  constexpr int limit = 3;
  constexpr int takings = 5000;
  Permits permits(limit);
  std::atomic<int> held{0};
  std::atomic<int> most{0};
  const auto work = [&] {
    for (int taken = 0; taken < takings;) {
      if (!permits.take()) {
        std::this_thread::yield();
        continue;
      }
      ++taken;
      const int holders = ++held;
      int seen = most.load();
      while (seen < holders && !most.compare_exchange_weak(seen, holders)) {
      }
      --held;
      permits.give_back();
    }
  };
  std::vector<std::thread> workers;
  for (int i = 0; i < 2 * limit; ++i) {
    workers.emplace_back(work);
  }
  for (std::thread& worker : workers) {
    worker.join();
  }
  EXPECT_LE(most.load(), limit);
  EXPECT_EQ(permits.taken(), 0U);
}

}  // namespace
}  // namespace holdfast
