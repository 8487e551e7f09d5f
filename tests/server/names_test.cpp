#include "server/names.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

namespace holdfast {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class SetClock final : public Clock {
 public:
  [[nodiscard]] TimePoint now() const override { return now_; }
  [[nodiscard]] TimePoint fine_now() const override { return now_; }
  [[nodiscard]] std::uint64_t turn() const override { return 0; }
  void set(TimePoint now) { now_ = now; }

 private:
  TimePoint now_ = TimePoint(1h);
};

// Keeps the questions until the test answers them.
class ScriptedResolver final : public Resolver {
 public:
  std::optional<std::uint64_t> ask(const Question& question, Asker& asker) override {
    if (refuses) {
      return std::nullopt;
    }
    asked.push_back(question.host);
    open_.insert_or_assign(question.host, Open{&asker, ++tickets_});
    return tickets_;
  }
  void answer(const std::string& host, Answer answer) {
    const Open open = open_.at(host);
    open.asker->on_answer(open.ticket, std::move(answer));
  }

  std::vector<std::string> asked;
  bool refuses = false;

 private:
  struct Open {
    Asker* asker;
    std::uint64_t ticket;
  };
  std::map<std::string, Open> open_;
  std::uint64_t tickets_ = 0;
};

// One upstream of names, for one worker.
class NamesOfAnUpstream : public testing::Test {
 protected:
  NamesOfAnUpstream() {
    options.name = "legacy";
    options.servers = {"a.test:80"};
  }
  void start() {
    upstream = std::make_unique<SharedUpstream>(options, 1, next_number);
    names = std::make_unique<Names>(
        Names::Place{.clock = clock, .timers = timers, .resolver = resolver, .on_change = [this] {
                       ++changes;
                     }});
    ASSERT_EQ(names->add(options, *upstream), std::nullopt);
    names->start();
  }
  void answer(const std::vector<std::string>& addresses, const std::string& host = "a.test") {
    Answer given;
    for (const std::string& address : addresses) {
      given.addresses.push_back(*SocketAddress::parse(address));
    }
    resolver.answer(host, std::move(given));
  }
  void fail(const std::string& error = "no such name", const std::string& host = "a.test") {
    resolver.answer(host, {.addresses = {}, .error = error});
  }
  void advance(Duration by) {
    const TimePoint until = clock.now() + by;
    while (clock.now() < until) {
      clock.set(std::min(until, clock.now() + TimerWheel::tick));
      timers.advance(clock.now());
    }
  }
  // What the one worker does when it has nothing more to do with removed addresses.
  void leave_all() {
    for (const Member& member : upstream->roster().members) {
      member.endpoint->left[0] = member.departure;
    }
  }
  [[nodiscard]] std::vector<std::string> in_use() const {
    std::vector<std::string> texts;
    for (const Member& member : upstream->roster().members) {
      if (member.departure == 0) {
        texts.push_back(member.endpoint->address.text());
      }
    }
    return texts;
  }
  [[nodiscard]] std::size_t known() const { return upstream->roster().members.size(); }
  [[nodiscard]] NameState state() const { return upstream->names().at(0); }

  UpstreamOptions options;
  SetClock clock;
  TimerWheel timers{clock.now()};
  ScriptedResolver resolver;
  std::size_t next_number = 0;
  std::unique_ptr<SharedUpstream> upstream;
  std::unique_ptr<Names> names;
  int changes = 0;
};

TEST_F(NamesOfAnUpstream, AreAskedForAtTheStart) {
  options.servers = {"a.test:80", "10.0.0.9:80", "b.test:8080"};
  start();
  EXPECT_THAT(resolver.asked, ElementsAre("a.test", "b.test"));
  EXPECT_THAT(in_use(), ElementsAre("10.0.0.9:80"));
}

TEST_F(NamesOfAnUpstream, StandForAllTheirAddresses) {
  start();
  answer({"10.0.0.2:80", "10.0.0.1:80", "[fd00::1]:80"});
  EXPECT_THAT(in_use(), ElementsAre("10.0.0.1:80", "10.0.0.2:80", "[fd00::1]:80"));
  EXPECT_GT(changes, 0);
}

TEST_F(NamesOfAnUpstream, ThatShareAnAddressCountItOnce) {
  options.servers = {"10.0.0.1:80", "a.test:80"};
  start();
  answer({"10.0.0.1:80"});
  EXPECT_THAT(in_use(), ElementsAre("10.0.0.1:80"));
}

TEST_F(NamesOfAnUpstream, AreAskedForAgainAfterTheInterval) {
  start();
  answer({"10.0.0.1:80"});
  advance(26s);
  EXPECT_EQ(resolver.asked.size(), 1U);
  advance(8s);
  EXPECT_EQ(resolver.asked.size(), 2U);
}

TEST_F(NamesOfAnUpstream, ReplaceTheirAddresses) {
  start();
  answer({"10.0.0.1:80", "10.0.0.2:80"});
  advance(34s);
  answer({"10.0.0.3:80", "10.0.0.2:80"});
  EXPECT_THAT(in_use(), ElementsAre("10.0.0.2:80", "10.0.0.3:80"));
  EXPECT_EQ(known(), 3U);  // the first one is still on its way out
}

TEST_F(NamesOfAnUpstream, ForgetAnAddressWhenTheWorkersAreDoneWithIt) {
  start();
  answer({"10.0.0.1:80"});
  advance(34s);
  answer({"10.0.0.2:80"});
  advance(10s);
  EXPECT_EQ(known(), 2U);
  leave_all();
  advance(2s);
  EXPECT_EQ(known(), 1U);
  EXPECT_FALSE(upstream->anything_leaving());
}

TEST_F(NamesOfAnUpstream, KeepAnAddressThatAConnectionStillHasAPermitOf) {
  start();
  answer({"10.0.0.1:80"});
  SharedEndpoint& first = *upstream->roster().members[0].endpoint;
  ASSERT_TRUE(first.permits.take());
  advance(34s);
  answer({"10.0.0.2:80"});
  leave_all();
  advance(10s);
  EXPECT_EQ(known(), 2U);
  first.permits.give_back();
  advance(2s);
  EXPECT_EQ(known(), 1U);
}

TEST_F(NamesOfAnUpstream, TakeAnAddressBackWithItsLimit) {
  start();
  answer({"10.0.0.1:80"});
  const SharedEndpoint* first = upstream->roster().members[0].endpoint;
  advance(34s);
  answer({"10.0.0.2:80"});
  advance(34s);
  answer({"10.0.0.1:80"});
  EXPECT_THAT(in_use(), ElementsAre("10.0.0.1:80"));
  EXPECT_EQ(upstream->roster().members[0].endpoint, first);
}

TEST_F(NamesOfAnUpstream, KeepTheirLastAnswerWhenALookupFails) {
  start();
  answer({"10.0.0.1:80"});
  advance(34s);
  fail("no such name");
  EXPECT_THAT(in_use(), ElementsAre("10.0.0.1:80"));
  EXPECT_EQ(state().error, "no such name");
  EXPECT_EQ(state().failures, 1U);
  EXPECT_EQ(state().failing_since, clock.now());
  EXPECT_GT(state().next_at, clock.now());
  EXPECT_THAT(state().addresses, ElementsAre(*SocketAddress::parse("10.0.0.1:80")));
}

TEST_F(NamesOfAnUpstream, ThatHangAreGivenUpAndAskedForAgain) {
  start();
  advance(6s);
  EXPECT_THAT(state().error, HasSubstr("no answer within 5 s"));
  ASSERT_TRUE(upstream->roster().lack);
  EXPECT_EQ(upstream->roster().lack->code, ErrorCode::name_unanswered);
  advance(2s);
  EXPECT_EQ(resolver.asked.size(), 2U);
  answer({"10.0.0.1:80"});
  EXPECT_THAT(in_use(), ElementsAre("10.0.0.1:80"));
  EXPECT_FALSE(upstream->roster().lack);
}

TEST_F(NamesOfAnUpstream, AreAskedForEachSecondUntilTheFirstAnswer) {
  start();
  EXPECT_FALSE(upstream->roster().lack);  // those who ask wait
  fail();
  ASSERT_TRUE(upstream->roster().lack);
  EXPECT_EQ(upstream->roster().lack->code, ErrorCode::name_unresolved);
  advance(1200ms);
  EXPECT_EQ(resolver.asked.size(), 2U);
  fail();
  advance(1500ms);
  EXPECT_EQ(resolver.asked.size(), 3U);
}

TEST_F(NamesOfAnUpstream, ThatGoOnFailingAreAskedForLessAndLess) {
  start();
  for (int i = 0; i < 30; ++i) {
    fail();
    advance(34s);
  }
  const std::size_t before = resolver.asked.size();
  fail();
  advance(26s);
  EXPECT_EQ(resolver.asked.size(), before);
}

TEST_F(NamesOfAnUpstream, DoNotFailWhileAnotherIsBeingLookedUp) {
  options.servers = {"a.test:80", "b.test:80"};
  start();
  fail("no such name", "a.test");
  EXPECT_FALSE(upstream->roster().lack);
  fail("no such name", "b.test");
  EXPECT_TRUE(upstream->roster().lack);
}

TEST_F(NamesOfAnUpstream, AreCutWhereTheyAreTooMany) {
  start();
  std::vector<std::string> many;
  for (int i = 0; i < 1000; ++i) {
    many.push_back("10.0." + std::to_string(i / 250) + "." + std::to_string(i % 250) + ":80");
  }
  answer(many);
  EXPECT_EQ(known(), SharedUpstream::max_endpoints);
}

TEST_F(NamesOfAnUpstream, AreTriedAgainWhenNoLookupCouldBegin) {
  resolver.refuses = true;
  start();
  EXPECT_THAT(state().error, HasSubstr("too many lookups"));
  resolver.refuses = false;
  advance(1200ms);
  answer({"10.0.0.1:80"});
  EXPECT_THAT(in_use(), ElementsAre("10.0.0.1:80"));
}

TEST_F(NamesOfAnUpstream, AreRefusedWithoutAPort) {
  for (const char* wrong : {"a.test", ":", "a.test:", "a.test:http", "a.test:70000", "a.test:0"}) {
    options.servers = {wrong};
    SharedUpstream other(options, 1, next_number);
    Names refusing(
        Names::Place{.clock = clock, .timers = timers, .resolver = resolver, .on_change = [] {}});
    EXPECT_TRUE(refusing.add(options, other)) << wrong;
  }
  EXPECT_THAT(resolver.asked, IsEmpty());
}

}  // namespace
}  // namespace holdfast
