#include "pool/waiters.h"

#include <gtest/gtest.h>

namespace holdfast {
namespace {

struct Waiter : WaiterMember {};

class WaitersTest : public testing::Test {
 protected:
  ~WaitersTest() override {
    while (waiters.next() != nullptr) {
    }
  }

  void join(Waiter& waiter) { waiters.join(waiter, now + patience); }
  void advance(Duration by) { now += by; }

  static constexpr Duration patience = 5s;
  TimePoint now{100s};
  Waiters<Waiter> waiters;
  Waiter a;
  Waiter b;
  Waiter c;
};

TEST_F(WaitersTest, HasNobodyAtFirst) {
  EXPECT_TRUE(waiters.empty());
  EXPECT_EQ(waiters.next(), nullptr);
  EXPECT_EQ(waiters.expired(TimePoint::max()), nullptr);
  EXPECT_EQ(waiters.first_deadline(), TimePoint::max());
}

TEST_F(WaitersTest, ServesFirstComeFirstServed) {
  join(a);
  join(b);
  join(c);
  EXPECT_EQ(waiters.size(), 3U);
  EXPECT_EQ(waiters.next(), &a);
  EXPECT_EQ(waiters.next(), &b);
  EXPECT_EQ(waiters.next(), &c);
  EXPECT_EQ(waiters.next(), nullptr);
}

TEST_F(WaitersTest, LetsOneInTheMiddleLeave) {
  join(a);
  join(b);
  join(c);
  waiters.leave(b);
  EXPECT_FALSE(b.waiting());
  EXPECT_EQ(waiters.next(), &a);
  EXPECT_EQ(waiters.next(), &c);
}

TEST_F(WaitersTest, KnowsWhoIsWaiting) {
  EXPECT_FALSE(a.waiting());
  join(a);
  EXPECT_TRUE(a.waiting());
  EXPECT_EQ(waiters.next(), &a);
  EXPECT_FALSE(a.waiting());
}

TEST_F(WaitersTest, ExpiresThoseWhoseTimeIsOverAndNoOthers) {
  join(a);
  advance(2s);
  join(b);
  advance(3s - 1ns);
  EXPECT_EQ(waiters.expired(now), nullptr);
  advance(1ns);
  EXPECT_EQ(waiters.expired(now), &a);
  EXPECT_EQ(waiters.expired(now), nullptr);
  EXPECT_TRUE(b.waiting());
}

TEST_F(WaitersTest, AsksForTheDeadlineOfTheFirst) {
  join(a);
  advance(2s);
  join(b);
  EXPECT_EQ(waiters.first_deadline(), a.waits_until());
  waiters.leave(a);
  EXPECT_EQ(waiters.first_deadline(), b.waits_until());
}

TEST_F(WaitersTest, LetsAWaiterJoinAgainAfterItLeft) {
  join(a);
  waiters.leave(a);
  advance(1s);
  join(a);
  EXPECT_EQ(a.waits_until(), now + patience);
  EXPECT_EQ(waiters.size(), 1U);
}

TEST_F(WaitersTest, DiesWhenOneLeavesWhoDoesNotWait) {
  EXPECT_DEATH(waiters.leave(a), "taken off a list it is not on");
}

TEST_F(WaitersTest, DiesWhenAWaiterGoesWithoutLeaving) {
  EXPECT_DEATH(
      {
        Waiter doomed;
        join(doomed);
      },
      "destroyed while it is on a list");
}

}  // namespace
}  // namespace holdfast
