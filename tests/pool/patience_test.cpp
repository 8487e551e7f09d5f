#include "pool/patience.h"

#include <gtest/gtest.h>

namespace holdfast {
namespace {

class APatience : public testing::Test {
 protected:
  void serve(Duration service, int count = 1) {
    for (; count > 0; --count) {
      patience.on_return(service);
    }
  }
  std::size_t held_off(std::size_t waiting, std::size_t leased = 4) {
    return patience.held_off(waiting, leased, ports, now);
  }

  TimePoint now{1000s};
  Patience::Ports ports = Patience::Ports::ample;
  Patience patience;
};

TEST_F(APatience, HoldsNobodyOffBeforeItKnowsAService) {
  patience.on_lease(now);
  patience.on_queue(now);
  EXPECT_EQ(held_off(1), 0U);
}

TEST_F(APatience, HoldsOffAsManyAsConnectionsAreInUse) {
  serve(2ms);
  patience.on_lease(now);
  patience.on_queue(now);
  EXPECT_EQ(held_off(3), 3U);
  EXPECT_EQ(held_off(9), 4U);
  EXPECT_EQ(held_off(1, 0), 0U);
}

TEST_F(APatience, HoldsNobodyOffForLongerThanAService) {
  serve(2ms);
  patience.on_queue(now);
  now += 2ms;
  patience.on_lease(now);
  EXPECT_EQ(held_off(1), 0U);
  EXPECT_EQ(patience.over_at(), now);
}

TEST_F(APatience, ExpectsNothingOfConnectionsThatAreLateAlready) {
  serve(2ms);
  patience.on_lease(now);
  now += 3ms;
  patience.on_queue(now);
  EXPECT_EQ(held_off(1), 0U);
}

TEST_F(APatience, HoldsNobodyOffWhereServicesAreLong) {
  serve(Patience::longest + 1ms);
  patience.on_lease(now);
  patience.on_queue(now);
  EXPECT_EQ(held_off(1), 0U);
  ports = Patience::Ports::scarce;
  EXPECT_EQ(held_off(1), 1U);
}

TEST_F(APatience, FollowsTheServiceTime) {
  serve(8ms);
  serve(16ms);
  EXPECT_EQ(patience.service(), 9ms);
  serve(1ms, 100);
  EXPECT_LT(patience.service(), 1100us);
}

TEST_F(APatience, LosesItWhereSomebodyWaitsAgainAndAgain) {
  serve(2ms);
  patience.on_lease(now);
  patience.on_queue(now);
  int held = 0;
  for (; held < 1000 && held_off(1) != 0; ++held) {
    patience.spend();
  }
  EXPECT_EQ(held, 16);
  serve(2ms, 32);
  EXPECT_EQ(held_off(1), 1U);
}

TEST_F(APatience, IsEndlessWhilePortsAreScarce) {
  serve(2ms);
  patience.on_lease(now);
  patience.on_queue(now);
  ports = Patience::Ports::scarce;
  for (int held = 0; held < 1000; ++held) {
    patience.spend();
  }
  EXPECT_EQ(held_off(1), 1U);
}

}  // namespace
}  // namespace holdfast
