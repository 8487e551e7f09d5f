#include "proxy/overload.h"

#include "proxy/exchange.h"
#include "proxy/fake_world.h"

namespace holdfast {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

TEST(Overload, RisesStepByStep) {
  using enum Overload;
  const struct {
    std::uint64_t used;
    std::uint64_t limit;
    Overload step;
  } rows[] = {
      {0, 1000, none},    {849, 1000, none},      {850, 1000, none},      {851, 1000, shed},
      {950, 1000, shed},  {951, 1000, refuse},    {980, 1000, refuse},    {981, 1000, stop},
      {1000, 1000, stop}, {5000, 1000, stop},     {100, 100, stop},       {99, 100, stop},
      {98, 100, refuse},  {95, 100, shed},        {20, 20, refuse},       {19, 20, shed},
      {7, 20, none},      {19, 19, none},         {1, 1, none},           {0, 0, none},
      {7, 0, none},       {13'928, 16'384, shed}, {13'000, 16'384, none},
  };
  for (const auto& row : rows) {
    EXPECT_EQ(overload_of(row.used, row.limit), row.step) << row.used << " of " << row.limit;
  }
}

// A worker that is short of memory, or whose listener has found that it is crowded.
class AnOverload : public ProxyTest {
 protected:
  // Takes memory until so little is left.
  void memory_comes_to(Overload step) {
    Context& context = worker().context;
    context.memory_limit = 1'000'000;
    while (memory_overload(context) < step) {
      taken_.push_back(context.blocks.borrow(4096));
    }
  }
  void memory_is_free_again() { taken_.clear(); }
  void TearDown() override {
    memory_is_free_again();
    ProxyTest::TearDown();
  }
  void is_crowded() { worker().service.overload = Overload::shed; }
  List<ClientConnection, RestingTag>& resting() { return worker().service.resting; }

 private:
  std::vector<Block> taken_;
};

TEST_F(AnOverload, OfMemoryRefusesRequestsWith503AndLetsThemComeAgain) {
  Far& first = served_client();
  memory_comes_to(Overload::refuse);
  first.sends(get);
  const std::string answer = first.got();
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 503 "));
  EXPECT_THAT(answer, HasSubstr("\r\nRetry-After: 1\r\n"));
  EXPECT_THAT(answer, HasSubstr("\r\nConnection: close\r\n"));
  EXPECT_FALSE(first.open());
  EXPECT_EQ(errors(ErrorCode::overloaded), 1U);
  EXPECT_EQ(backend(0).got(), "");
}

TEST_F(AnOverload, OfMemoryLetsRequestsThroughAsLongAsOnlyIdleClientsHaveToGo) {
  Far& first = served_client();
  memory_comes_to(Overload::shed);
  first.sends(get);
  backend(0).sends(ok);
  EXPECT_THAT(first.got(), StartsWith("HTTP/1.1 200 "));
}

TEST_F(AnOverload, TellsEachClientToCloseItsConnection) {
  Far& far = client();
  is_crowded();
  far.sends(get);
  backend(0).sends(ok);
  EXPECT_THAT(far.got(), HasSubstr("\r\nConnection: close\r\n"));
  EXPECT_FALSE(far.open());
  EXPECT_EQ(endpoint().pool().idle(), 1U);  // the backend's connection stays
}

TEST_F(AnOverload, KnowsWhoHasRestedLongest) {
  Far& first = served_client();
  Far& second = client();
  second.sends(get);
  backend(0).sends(ok);
  EXPECT_EQ(second.got(), ok);
  ASSERT_EQ(resting().size(), 2U);
  first.sends(get);
  EXPECT_EQ(resting().size(), 1U);  // who has asked rests no more
  backend(0).sends(ok);
  EXPECT_EQ(first.got(), ok);
  resting().front()->shed();
  settle();
  EXPECT_FALSE(second.open());
  EXPECT_TRUE(first.open());
  EXPECT_EQ(counters().clients_shed, 1U);
}

TEST_F(AnOverload, DoesNotCloseAClientThatHasNotAskedYet) {
  Far& far = client();
  EXPECT_TRUE(resting().empty());
  EXPECT_TRUE(far.open());
}

TEST_F(AnOverload, ServesAClientWhoseNextRequestIsThereAlready) {
  Far& far = served_client();
  far.wire.arrived = get;
  resting().front()->shed();
  settle();
  backend(0).sends(ok);
  EXPECT_EQ(far.got(), ok);
  EXPECT_EQ(counters().clients_shed, 0U);
}

}  // namespace
}  // namespace holdfast
