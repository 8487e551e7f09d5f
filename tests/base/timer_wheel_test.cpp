#include "base/timer_wheel.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

namespace holdfast {
namespace {

using Firings = std::vector<std::pair<std::string, TimePoint>>;

std::int64_t count(TimePoint time) { return time.time_since_epoch() / 1ns; }
TimePoint at(std::int64_t ms) { return TimePoint(std::chrono::milliseconds(ms)); }

// Notes when it fires, then does what it was told to.
struct Alarm final : Timer {
  Alarm(std::string named, Firings& notes) : name(std::move(named)), fired(notes) {}
  void on_deadline(TimePoint now) override {
    fired.emplace_back(name, now);
    if (then) {
      then(now);
    }
  }
  std::string name;
  Firings& fired;
  std::function<void(TimePoint)> then;
};

// Time is a plain number of milliseconds; the wheel ticks every 8 of them.
class TimerWheelTest : public testing::Test {
 protected:
  static constexpr std::int64_t tick = TimerWheel::tick / 1ms;
  static constexpr std::int64_t turn = tick * TimerWheel::slots;  // of the whole wheel

  ~TimerWheelTest() override {
    for (Alarm* alarm : {&a, &b, &c}) {
      wheel.disarm(*alarm);
    }
  }

  void arm(Alarm& alarm, std::int64_t ms) { wheel.arm(alarm, at(ms)); }

  // Calls advance once, and names those that fired.
  std::string advance(std::int64_t ms) {
    const std::size_t before = fired.size();
    wheel.advance(at(ms));
    std::string names;
    for (std::size_t i = before; i < fired.size(); ++i) {
      names += fired[i].first;
    }
    return names;
  }

  // Calls advance when next_advance asks for it, and says when the first timer fired.
  std::int64_t first_firing() {
    fired.clear();
    for (int calls = 0; fired.empty() && wheel.next_advance(); ++calls) {
      EXPECT_LT(calls, 1000) << "next_advance does not get on";
      wheel.advance(*wheel.next_advance());
    }
    return fired.empty() ? -1 : fired[0].second.time_since_epoch() / 1ms;
  }

  TimerWheel wheel{at(0)};
  Firings fired;
  Alarm a{"a", fired};
  Alarm b{"b", fired};
  Alarm c{"c", fired};
};

TEST_F(TimerWheelTest, NeedsNoAdvanceWhileNothingIsArmed) {
  EXPECT_FALSE(wheel.next_advance());
  EXPECT_EQ(advance(turn * 3), "");
}

TEST_F(TimerWheelTest, FiresWhenTheDeadlineHasPassed) {
  arm(a, 100);
  EXPECT_EQ(advance(99), "");
  EXPECT_EQ(advance(100 + tick), "a");
}

TEST_F(TimerWheelTest, FiresAtTheDeadlineItselfIfThatIsATick) {
  arm(a, 10 * tick);
  EXPECT_EQ(advance(10 * tick - 1), "");
  EXPECT_EQ(advance(10 * tick), "a");
}

TEST_F(TimerWheelTest, FiresOnlyOnce) {
  arm(a, 50);
  EXPECT_EQ(advance(100), "a");
  EXPECT_EQ(advance(turn * 2), "");
}

TEST_F(TimerWheelTest, FiresADeadlineThatHasPassedAlreadyWithinATick) {
  advance(1000);
  arm(a, 10);
  EXPECT_EQ(advance(1000 + tick), "a");
}

TEST_F(TimerWheelTest, FiresThoseOfEarlierSlotsFirst) {
  arm(a, 300);
  arm(b, 100);
  arm(c, 200);
  EXPECT_EQ(advance(1000), "bca");
}

TEST_F(TimerWheelTest, IsArmedUntilItFires) {
  EXPECT_FALSE(a.armed());
  arm(a, 50);
  EXPECT_TRUE(a.armed());
  EXPECT_EQ(a.deadline(), at(50));
  advance(60);
  EXPECT_FALSE(a.armed());
}

TEST_F(TimerWheelTest, KeepsQuietWhenDisarmed) {
  arm(a, 50);
  wheel.disarm(a);
  EXPECT_FALSE(a.armed());
  EXPECT_EQ(advance(turn), "");
}

TEST_F(TimerWheelTest, NeedsNoAdvanceOnceAllAreDisarmed) {
  arm(a, 50);
  arm(b, 50);
  wheel.disarm(a);
  EXPECT_TRUE(wheel.next_advance());
  wheel.disarm(b);
  EXPECT_FALSE(wheel.next_advance());
}

TEST_F(TimerWheelTest, DisarmsWhatIsNotArmed) {
  wheel.disarm(a);
  wheel.disarm(a);
  EXPECT_FALSE(a.armed());
}

TEST_F(TimerWheelTest, FiresAtTheLaterTimeWhenRearmedLater) {
  arm(a, 50);
  arm(a, 500);
  EXPECT_EQ(advance(499), "");
  EXPECT_EQ(advance(500 + tick), "a");
}

TEST_F(TimerWheelTest, FiresAtTheEarlierTimeWhenRearmedEarlier) {
  arm(a, 500);
  arm(a, 50);
  EXPECT_EQ(advance(50 + tick), "a");
  EXPECT_EQ(advance(1000), "");
}

TEST_F(TimerWheelTest, FollowsADeadlineThatIsMovedBackAndForth) {
  arm(a, 50);
  arm(a, 500);
  arm(a, 100);
  EXPECT_EQ(advance(99), "");
  EXPECT_EQ(advance(100 + tick), "a");
}

TEST_F(TimerWheelTest, MayBeArmedAgainAfterItWasDisarmed) {
  arm(a, 50);
  wheel.disarm(a);
  arm(a, 200);
  EXPECT_EQ(advance(100), "");
  EXPECT_EQ(advance(200 + tick), "a");
}

TEST_F(TimerWheelTest, WaitsForADeadlineSeveralTurnsAway) {
  const std::int64_t far = 5 * turn + 100;
  arm(a, far);
  for (std::int64_t ms = 0; ms < far; ms += 50) {
    ASSERT_EQ(advance(ms), "") << ms;
  }
  EXPECT_EQ(advance(far + tick), "a");
}

TEST_F(TimerWheelTest, FiresAllThatPassedDuringALongStall) {
  arm(a, 100);
  arm(b, 3 * turn);
  arm(c, 20 * turn);
  std::string names = advance(10 * turn);
  std::ranges::sort(names);
  EXPECT_EQ(names, "ab");
  EXPECT_EQ(advance(20 * turn + tick), "c");
}

TEST_F(TimerWheelTest, KeepsTheTimeAfterAStall) {
  advance(10 * turn + 3);
  arm(a, 10 * turn + 100);
  EXPECT_EQ(advance(10 * turn + 99), "");
  EXPECT_EQ(advance(10 * turn + 100 + tick), "a");
}

TEST_F(TimerWheelTest, IgnoresATimeThatHasBeenSeenAlready) {
  arm(a, 200);
  advance(100);
  EXPECT_EQ(advance(100), "");
  EXPECT_EQ(advance(50), "");
  EXPECT_EQ(advance(200 + tick), "a");
}

TEST_F(TimerWheelTest, StartsAtAnyTime) {
  for (std::int64_t start = 0; start < 3 * tick; ++start) {
    TimerWheel started(at(start));
    started.arm(a, at(start));
    started.advance(at(start + tick));
    EXPECT_FALSE(a.armed()) << "started at " << start;
    started.disarm(a);
  }
}

TEST_F(TimerWheelTest, AsksForAnAdvanceNoLaterThanTheFirstDeadlinesTick) {
  arm(a, 500);
  arm(b, 100);
  EXPECT_LE(*wheel.next_advance(), at(100 + tick - 1));
  EXPECT_EQ(first_firing(), 104);
}

TEST_F(TimerWheelTest, AsksForAnAdvanceWhereverTheDeadlineLiesOnTheWheel) {
  for (std::int64_t start = 0; start < 2 * turn; start += 37 * tick) {
    for (const std::int64_t ahead :
         {std::int64_t{1}, 63 * tick, 64 * tick, turn / 2, turn - 1, turn, 2 * turn}) {
      TimerWheel started(at(start));
      started.arm(a, at(start + ahead));
      ASSERT_TRUE(started.next_advance());
      EXPECT_GT(*started.next_advance(), at(start));
      EXPECT_LT(*started.next_advance(), at(start + ahead + tick));
      started.disarm(a);
    }
  }
}

TEST_F(TimerWheelTest, GetsToAFarDeadlineByItsOwnRequests) {
  arm(a, 7 * turn + 1);
  EXPECT_EQ(first_firing(), 7 * turn + tick);
}

TEST_F(TimerWheelTest, MayBeArmedAgainByItsOwnDeadline) {
  a.then = [&](TimePoint now) { wheel.arm(a, now + 100ms); };
  arm(a, 100);
  EXPECT_EQ(advance(104), "a");
  EXPECT_EQ(advance(203), "");
  EXPECT_EQ(advance(208), "a");
}

TEST_F(TimerWheelTest, MayDisarmAnotherOfTheSameSlotInADeadline) {
  a.then = [&](TimePoint) { wheel.disarm(b); };
  arm(a, 100);
  arm(b, 100);
  arm(c, 100);
  EXPECT_EQ(advance(200), "ac");
}

TEST_F(TimerWheelTest, MayArmAnotherEarlierInADeadline) {
  a.then = [&](TimePoint now) { wheel.arm(b, now + 8ms); };
  arm(a, 96);
  arm(b, 5000);
  EXPECT_EQ(advance(96), "a");
  EXPECT_EQ(advance(96 + 2 * tick), "b");
}

TEST_F(TimerWheelTest, FiresOnceMoreAtMostPerTickWhenArmedToThePastInADeadline) {
  a.then = [&](TimePoint now) { wheel.arm(a, now); };
  arm(a, tick);
  EXPECT_EQ(advance(tick), "a");
  EXPECT_EQ(advance(2 * tick), "a");
}

TEST_F(TimerWheelTest, MayBeDestroyedByItsOwnDeadline) {
  auto mortal = std::make_unique<Alarm>("m", fired);
  mortal->then = [&](TimePoint) { mortal.reset(); };
  wheel.arm(*mortal, at(100));
  arm(a, 100);
  EXPECT_EQ(advance(200), "ma");
  EXPECT_EQ(mortal, nullptr);
}

TEST_F(TimerWheelTest, MayDestroyAnotherOfTheSameSlotInADeadline) {
  auto mortal = std::make_unique<Alarm>("m", fired);
  a.then = [&](TimePoint) {
    wheel.disarm(*mortal);
    mortal.reset();
  };
  arm(a, 100);
  wheel.arm(*mortal, at(100));
  arm(b, 100);
  EXPECT_EQ(advance(200), "ab");
}

// A connection without limits has no deadline: see idle_deadline.
TEST_F(TimerWheelTest, DisarmsWhatIsArmedForTheEndOfTime) {
  arm(a, 100);
  wheel.arm(a, TimePoint::max());
  EXPECT_FALSE(a.armed());
  EXPECT_FALSE(wheel.next_advance());
  EXPECT_EQ(advance(3 * turn), "");
}

// Compares the wheel with a sorted list of deadlines, over random operations at random times. To
// see a failure again, give the seed it prints as --gtest_random_seed.
class TimerWheelModel : public testing::Test {
 protected:
  static constexpr std::size_t alarm_count = 40;
  static constexpr int steps = 20'000;

  TimerWheelModel() {
    for (std::size_t i = 0; i < alarm_count; ++i) {
      alarms.push_back(std::make_unique<Alarm>(std::to_string(i), fired));
      alarms.back()->then = [this, i](TimePoint when) { note_firing(i, when); };
    }
  }
  ~TimerWheelModel() override {
    for (const auto& alarm : alarms) {
      wheel.disarm(*alarm);
    }
  }

  static unsigned fresh_seed() {
    const auto given = static_cast<unsigned>(GTEST_FLAG_GET(random_seed));
    return given != 0 ? given : 1 + std::random_device{}() % 99'999;
  }

  std::int64_t pick(std::int64_t low, std::int64_t high) {
    return std::uniform_int_distribution<std::int64_t>(low, high)(random);
  }

  // Near, far and passed deadlines, on a tick and off it, each often enough.
  TimePoint some_deadline() {
    switch (pick(0, 4)) {
      case 0:
        return now - Duration(pick(0, 20'000'000));
      case 1:
        return now + pick(0, 20) * TimerWheel::tick;
      case 2:
        return now + Duration(pick(0, 100'000'000));
      case 3:
        return now + std::chrono::seconds(pick(0, 60));
      default:
        return now + std::chrono::milliseconds(pick(0, 3000));
    }
  }

  void forget(std::size_t i) {
    std::erase_if(model, [i](const auto& entry) { return entry.second.alarm == i; });
  }
  void arm(std::size_t i) {
    const TimePoint deadline = some_deadline();
    forget(i);
    model.emplace(deadline, Armed{i, std::max(deadline, now) + TimerWheel::tick});
    wheel.arm(*alarms[i], deadline);
  }
  void disarm(std::size_t i) {
    forget(i);
    wheel.disarm(*alarms[i]);
  }

  void note_firing(std::size_t i, TimePoint when) {
    const auto found =
        std::ranges::find_if(model, [i](const auto& entry) { return entry.second.alarm == i; });
    ASSERT_NE(found, model.end()) << "a timer fired that was not armed: " << i;
    EXPECT_LE(count(found->first), count(when)) << "a timer fired early: " << i;
    model.erase(found);
    if (pick(0, 3) == 0) {
      arm(i);
    }
    if (pick(0, 3) == 0) {
      disarm(static_cast<std::size_t>(pick(0, alarm_count - 1)));
    }
  }

  void advance() {
    switch (pick(0, 9)) {
      case 0:
        now += std::chrono::seconds(pick(0, 30));
        break;
      case 1:
      case 2:
      case 3:
        now = std::max(now, wheel.next_advance().value_or(now));
        break;
      default:
        now += std::chrono::milliseconds(pick(0, 50));
    }
    wheel.advance(now);
    for (const auto& [deadline, armed] : model) {
      EXPECT_GT(count(armed.latest), count(now))
          << "a timer is more than a tick late: " << armed.alarm;
    }
  }

  void compare() {
    for (const auto& alarm : alarms) {
      const bool expected = std::ranges::any_of(model, [&](const auto& entry) {
        return alarms[entry.second.alarm] == alarm && entry.first == alarm->deadline();
      });
      EXPECT_EQ(alarm->armed(), expected) << "timer " << alarm->name;
    }
    EXPECT_EQ(wheel.next_advance().has_value(), !model.empty());
    for (const auto& [deadline, armed] : model) {
      EXPECT_LE(count(*wheel.next_advance()), count(armed.latest))
          << "the wheel sleeps past " << armed.alarm;
    }
  }

  struct Armed {
    std::size_t alarm;
    TimePoint latest;  // by when it has to have fired
  };

  unsigned seed = fresh_seed();
  std::mt19937_64 random{seed};
  TimePoint now = at(pick(0, 100'000));
  TimerWheel wheel{now};
  Firings fired;
  std::multimap<TimePoint, Armed> model;
  std::vector<std::unique_ptr<Alarm>> alarms;
};

TEST_F(TimerWheelModel, AgreesWithASortedListOfDeadlines) {
  SCOPED_TRACE("seed " + std::to_string(seed));
  for (int step = 0; step < steps && !HasFailure(); ++step) {
    const auto i = static_cast<std::size_t>(pick(0, alarm_count - 1));
    switch (pick(0, 3)) {
      case 0:
        advance();
        break;
      case 1:
        disarm(i);
        break;
      default:
        arm(i);
    }
    if (step % 16 == 0) {
      compare();
    }
  }
  EXPECT_GT(fired.size(), 100U) << "too little happened";
}

}  // namespace
}  // namespace holdfast
