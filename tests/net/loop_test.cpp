#include "net/loop.h"

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "net/gate.h"
#include "net/loop_thread.h"
#include "net/stream_side.h"

namespace holdfast {
namespace {

// Notes when it fires, by the loop's clock and by the real one.
struct LoopAlarm final : Timer {
  explicit LoopAlarm(Loop& on) : loop(on) {}
  LoopAlarm(const LoopAlarm&) = delete;
  LoopAlarm& operator=(const LoopAlarm&) = delete;
  ~LoopAlarm() { loop.timers().disarm(*this); }
  void on_deadline(TimePoint now) override {
    ++firings;
    fired_at = now;
    really_fired_at = monotonic_now();
    if (then) {
      then(now);
    }
  }
  Loop& loop;
  int firings = 0;
  TimePoint fired_at;
  TimePoint really_fired_at;
  std::function<void(TimePoint)> then;
};

class LoopTest : public testing::Test {
 protected:
  ~LoopTest() override {
    thread.run([this] { alarms.clear(); });
  }

  LoopAlarm& make_alarm() { return *alarms.emplace_back(std::make_unique<LoopAlarm>(loop)); }
  // Arms it to so much later than now; returns when that is by the real clock.
  TimePoint arm(LoopAlarm& alarm, Duration in) {
    thread.run([&] { loop.timers().arm(alarm, loop.now() + in); });
    return monotonic_now() + in;
  }
  void disarm(LoopAlarm& alarm) {
    thread.run([&] { loop.timers().disarm(alarm); });
  }
  bool fires(const LoopAlarm& alarm, int times = 1) {
    return thread.eventually([&] { return alarm.firings >= times; });
  }

  LoopThread thread;
  Loop& loop = thread.loop();
  std::vector<std::unique_ptr<LoopAlarm>> alarms;
};

TEST_F(LoopTest, RunsPostedTasksOnItsOwnThread) {
  EXPECT_NE(thread.run([] { return std::this_thread::get_id(); }), std::this_thread::get_id());
}

TEST_F(LoopTest, RunsPostedTasksInOrder) {
  std::string order;
  for (const char c : {'a', 'b', 'c'}) {
    EXPECT_TRUE(loop.post([&order, c] { order += c; }));
  }
  EXPECT_EQ(thread.run([&] { return order; }), "abc");
}

TEST_F(LoopTest, RunsATaskPostedByATask) {
  bool ran = false;
  thread.run([&] { EXPECT_TRUE(loop.post([&] { ran = true; })); });
  EXPECT_TRUE(thread.eventually([&] { return ran; }));
}

TEST_F(LoopTest, RunsEachTaskOfManyThreadsOnce) {
  constexpr int threads = 4;
  constexpr int tasks = 2000;
  int ran = 0;
  std::vector<std::thread> posters;
  for (int i = 0; i < threads; ++i) {
    posters.emplace_back([&] {
      for (int task = 0; task < tasks; ++task) {
        EXPECT_TRUE(loop.post([&] { ++ran; }));
      }
    });
  }
  for (std::thread& poster : posters) {
    poster.join();
  }
  EXPECT_EQ(thread.run([&] { return ran; }), threads * tasks);
}

TEST_F(LoopTest, FiresATimerNeverEarly) {
  LoopAlarm& alarm = make_alarm();
  for (int times = 1; times <= 5; ++times) {
    const TimePoint sooner = monotonic_now();
    arm(alarm, 20ms);
    ASSERT_TRUE(fires(alarm, times));
    // The loop's clock counts whole milliseconds and is read once per turn.
    EXPECT_GE(alarm.really_fired_at, sooner + 18ms);
  }
}

TEST_F(LoopTest, TellsATimerTheLoopsTime) {
  LoopAlarm& alarm = make_alarm();
  TimePoint deadline;
  thread.run([&] {
    deadline = loop.now() + 15ms;
    loop.timers().arm(alarm, deadline);
  });
  ASSERT_TRUE(fires(alarm));
  EXPECT_GE(alarm.fired_at, deadline);
}

TEST_F(LoopTest, FiresATimerThatIsMovedEarlier) {
  LoopAlarm& alarm = make_alarm();
  arm(alarm, std::chrono::hours(1));
  arm(alarm, 5ms);
  EXPECT_TRUE(fires(alarm));
}

TEST_F(LoopTest, FiresATimerThatIsMovedLaterAtTheLaterTime) {
  LoopAlarm& alarm = make_alarm();
  arm(alarm, 5ms);
  const TimePoint later = arm(alarm, 60ms);
  ASSERT_TRUE(fires(alarm));
  EXPECT_GE(alarm.really_fired_at, later - 10ms);
  EXPECT_EQ(alarm.firings, 1);
}

TEST_F(LoopTest, KeepsQuietAboutADisarmedTimer) {
  LoopAlarm& disarmed = make_alarm();
  LoopAlarm& later = make_alarm();
  arm(disarmed, 10ms);
  arm(later, 50ms);
  disarm(disarmed);
  ASSERT_TRUE(fires(later));
  EXPECT_EQ(disarmed.firings, 0);
}

TEST_F(LoopTest, FiresATimerAgainThatArmsItself) {
  LoopAlarm& alarm = make_alarm();
  alarm.then = [&](TimePoint now) { loop.timers().arm(alarm, now + 10ms); };
  arm(alarm, 10ms);
  EXPECT_TRUE(fires(alarm, 4));
}

TEST_F(LoopTest, FiresATimerAfterAnotherHasFired) {
  LoopAlarm& first = make_alarm();
  LoopAlarm& second = make_alarm();
  arm(second, 40ms);
  arm(first, 10ms);
  EXPECT_TRUE(fires(second));
  EXPECT_EQ(first.firings, 1);
}

TEST_F(LoopTest, FiresATimerThoughNothingElseHappens) {
  LoopAlarm& alarm = make_alarm();
  std::promise<void> fired;
  alarm.then = [&](TimePoint) { fired.set_value(); };
  arm(alarm, 30ms);
  EXPECT_EQ(fired.get_future().wait_for(LoopThread::patience), std::future_status::ready);
}

TEST_F(LoopTest, EndsThoughATimerIsArmed) {
  arm(make_alarm(), std::chrono::hours(1));
  thread.stop();
  thread.join();
  EXPECT_FALSE(loop.post([] {}));
}

TEST(LoopEnd, RefusesTasks) {
  LoopThread thread;
  thread.stop();
  thread.join();
  bool ran = false;
  EXPECT_FALSE(thread.loop().post([&] { ran = true; }));
  EXPECT_FALSE(ran);
}

TEST(LoopEnd, WaitsForAStreamThatReads) {
  Gate gate;
  LoopThread thread;
  StreamSide side(thread);
  ASSERT_EQ(side.connect(gate.address()), 0);
  ASSERT_TRUE(side.hears(StreamEvent::connected));
  side.read();
  thread.stop();
  EXPECT_TRUE(thread.loop().post([] {}));
  side.close();
  thread.join();
  EXPECT_EQ(side.history(), "connected closed ");
}

// A stream under back-pressure does not read; libuv then does not count it.
TEST(LoopEnd, WaitsForAStreamThatDoesNotRead) {
  struct Owner final : StreamEvents {
    void on_bytes(std::string_view) override {}
    void on_end() override {}
    void on_broken(int) override {}
    void on_drained() override {}
    void on_connected(int) override {}
    void on_closed() override { closed = true; }
    bool closed = false;
  };
  std::optional<Loop> loop(std::in_place);
  Owner owner;
  TcpStream stream(*loop, owner);
  bool still_runs = false;
  loop->post([&] {
    loop->stop();
    still_runs = loop->post([&] { still_runs = loop->post([&] { stream.close(); }); });
  });
  loop->run();
  EXPECT_TRUE(still_runs);
  EXPECT_TRUE(owner.closed);
  stream.close();
  loop.reset();
}

// Notes that its stream is closed, and nothing else.
struct ClosingOnly final : StreamEvents {
  void on_bytes(std::string_view) override {}
  void on_end() override {}
  void on_broken(int) override {}
  void on_drained() override {}
  void on_connected(int) override {}
  void on_closed() override { closed = true; }
  bool closed = false;
};

// A connection from another worker may come when all is over.
TEST(LoopEnd, ClosesWhatItsLastTaskOpened) {
  Loop loop;
  ClosingOnly owner;
  std::optional<TcpStream> stream;
  loop.stop([&] { ASSERT_TRUE(loop.post([&] { stream.emplace(loop, owner).close(); })); });
  loop.run();
  EXPECT_TRUE(owner.closed);
}

TEST(LoopEnd, ComesBeforeRunWhenStoppedBefore) {
  Loop loop;
  loop.stop();
  loop.run();
  EXPECT_FALSE(loop.post([] {}));
}

TEST(LoopEnd, MayComeWithoutARun) { const Loop loop; }

}  // namespace
}  // namespace holdfast
