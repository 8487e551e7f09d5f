#include "net/resolver.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>

namespace holdfast {
namespace {

using testing::Contains;
using testing::IsEmpty;
using testing::Not;

class Asking final : public Asker {
 public:
  explicit Asking(Loop& loop) : loop_(loop) {}
  void on_answer(std::uint64_t ticket, Answer given) override {
    answered = ticket;
    answer = std::move(given);
    loop_.stop();
  }
  std::optional<std::uint64_t> answered;
  Answer answer;

 private:
  Loop& loop_;
};

TEST(AQuestion, IsANameWithAPort) {
  const auto question = parse_question("api.test:8080");
  ASSERT_TRUE(question);
  EXPECT_EQ(question->host, "api.test");
  EXPECT_EQ(question->port, 8080);
}

TEST(AQuestion, IsNothingElse) {
  for (const char* wrong : {"", ":", "a", ":80", "a:", "a:b", "a:8o", "a:70000", "a:0"}) {
    EXPECT_FALSE(parse_question(wrong)) << wrong;
  }
}

TEST(TheSystemResolver, AnswersInALaterTurn) {
  Loop loop;
  SystemResolver resolver(loop);
  Asking asking(loop);
  const auto ticket = resolver.ask({.host = "localhost", .port = 80}, asking);
  EXPECT_FALSE(asking.answered);
  loop.run();
  EXPECT_EQ(asking.answered, ticket);
  EXPECT_EQ(asking.answer.error, "");
  EXPECT_THAT(asking.answer.addresses, Not(IsEmpty()));
}

TEST(TheSystemResolver, GivesTheFamilyThatIsAskedFor) {
  Loop loop;
  SystemResolver resolver(loop);
  Asking asking(loop);
  ASSERT_TRUE(
      resolver.ask({.host = "localhost", .port = 80, .family = AddressFamily::ipv4}, asking));
  loop.run();
  EXPECT_THAT(asking.answer.addresses, Contains(*SocketAddress::parse("127.0.0.1:80")));
}

// Nobody is asked for that.
TEST(TheSystemResolver, SaysInWordsWhatIsWrong) {
  Loop loop;
  SystemResolver resolver(loop);
  Asking asking(loop);
  ASSERT_TRUE(
      resolver.ask({.host = "127.0.0.1", .port = 80, .family = AddressFamily::ipv6}, asking));
  loop.run();
  EXPECT_THAT(asking.answer.addresses, IsEmpty());
  EXPECT_NE(asking.answer.error, "");
}

TEST(TheSystemResolver, MayGoBeforeItsLookups) {
  Loop loop;
  Asking asking(loop);
  loop.stop();
  loop.run();
  SystemResolver resolver(loop);
  for (int i = 0; i < 8; ++i) {
    ASSERT_TRUE(resolver.ask({.host = "localhost", .port = 80}, asking));
  }
  EXPECT_FALSE(asking.answered);
}

}  // namespace
}  // namespace holdfast
