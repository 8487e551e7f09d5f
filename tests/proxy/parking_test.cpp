// When a connection may not be used again although its answer was whole: what was sent of the
// request is in doubt, or the answer is nobody's. The other reasons are tested where they arise.

#include "proxy/fake_world.h"

namespace holdfast {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::StartsWith;

class ADoubtfulRequest : public ProxyTest {};

TEST_F(ADoubtfulRequest, OfWhichPartIsStillWithUsRetiresItsConnection) {
  server().connects = FakeNetwork::Connects::when_told;
  Far& far = client();
  far.sends(post_of("body"));
  backend(0).reads_nothing();
  backend(0).accepts();
  backend(0).reads(10);
  backend(0).sends(ok);
  EXPECT_THAT(far.got(), EndsWith("ok"));
  EXPECT_EQ(endpoint().pool().idle(), 0U);
  EXPECT_EQ(retired(Retirement::request_unsent), 1U);
  EXPECT_TRUE(backend(0).cut());  // a plain close would let the kernel deliver the rest of it
}

TEST_F(ADoubtfulRequest, WhoseLastBytesWereNotTakenRetiresItsConnection) {
  Far& far = client();
  far.sends("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\nabc");
  backend(0).wire.takes_no_write = true;
  far.sends("def");
  backend(0).sends(ok);
  EXPECT_THAT(far.got(), EndsWith("ok"));
  EXPECT_EQ(endpoint().pool().idle(), 0U);
  EXPECT_EQ(retired(Retirement::request_unsent), 1U);
}

class AStrayAnswer : public ProxyTest {};

// It has read nothing of the request, so what it says is the answer to another.
TEST_F(AStrayAnswer, IsNobodysBeforeAnythingOfTheRequestWasTaken) {
  Far& far = served_client();
  backend(0).reads_nothing();
  far.sends(get);
  backend(0).sends(ok_of("foreign"));
  EXPECT_EQ(far.got(), "");
  EXPECT_EQ(retired(Retirement::spoke_while_idle), 1U);
  EXPECT_TRUE(backend(0).wire.closed);
  EXPECT_THAT(backend(1).got(), StartsWith("GET / HTTP/1.1"));
  backend(1).sends(ok);
  EXPECT_EQ(far.got(), ok);
}

// The read that ended the answer had no room for what came behind it.
TEST_F(AStrayAnswer, BehindTheLastAnswerIsNotForTheNextOfThePipeline) {
  network.read_bytes = ok.size();
  Far& far = client();
  far.sends(std::string(get) + get_of("/next"));
  backend(0).sends(std::string(ok) + ok_of("foreign"));
  EXPECT_EQ(far.got(), ok);
  EXPECT_EQ(retired(Retirement::stale), 1U);
  EXPECT_THAT(backend(1).got(), StartsWith("GET /next"));
  backend(1).sends(ok);
  EXPECT_EQ(far.got(), ok);
}

TEST_F(AStrayAnswer, BehindTheLastAnswerIsNotForWhoWaited) {
  network.read_bytes = ok.size();
  upstream.pool.max_connections = 1;
  Far& one = client();
  Far& other = client();
  one.sends(get);
  other.sends(get);
  backend(0).sends(std::string(ok) + ok_of("foreign"));
  EXPECT_EQ(one.got(), ok);
  EXPECT_EQ(other.got(), "");
  backend(1).sends(ok);
  EXPECT_EQ(other.got(), ok);
}

TEST_F(AStrayAnswer, MayBeAnEarlyOneOnceTheRequestHasBegunToBeTaken) {
  Far& far = served_client();
  backend(0).reads_nothing();
  far.sends(get);
  backend(0).reads(1);
  backend(0).sends(ok_of("early"));
  EXPECT_THAT(far.got(), HasSubstr("early"));
}

}  // namespace
}  // namespace holdfast
