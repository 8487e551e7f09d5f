#include "proxy/pinning_guard.h"

#include <gtest/gtest.h>

namespace holdfast {
namespace {

constexpr PinningGuard::Sight pinned{.stuck = 2, .slow = 0, .served = 4, .idle = 3};

class APinningGuard : public testing::Test {
 protected:
  bool looks(PinningGuard::Sight sight, unsigned times) {
    bool told = false;
    for (; times > 0; --times) {
      told = guard.look(sight);
    }
    return told;
  }
  PinningGuard guard;
};

TEST_F(APinningGuard, TellsWhatTheBackendServesAtATime) {
  EXPECT_TRUE(looks(pinned, PinningGuard::looks));
  EXPECT_EQ(guard.served(), 4U);
}

TEST_F(APinningGuard, TellsOnce) {
  EXPECT_TRUE(looks(pinned, PinningGuard::looks));
  EXPECT_FALSE(looks(pinned, 1));
  looks({}, 1);
  EXPECT_FALSE(looks(pinned, PinningGuard::looks));
}

TEST_F(APinningGuard, LooksMoreThanOnce) {
  EXPECT_FALSE(looks(pinned, PinningGuard::looks - 1));
  EXPECT_FALSE(looks({}, 1));
  EXPECT_FALSE(looks(pinned, PinningGuard::looks - 1));
  EXPECT_EQ(guard.served(), 0U);
}

TEST_F(APinningGuard, HoldsASlowBackendForNothingElse) {
  EXPECT_FALSE(looks({.stuck = 2, .slow = 1, .served = 4, .idle = 3}, 10));
}

TEST_F(APinningGuard, SeesNothingOddWhereNoConnectionRests) {
  EXPECT_FALSE(looks({.stuck = 2, .slow = 0, .served = 4, .idle = 0}, 10));
}

}  // namespace
}  // namespace holdfast
