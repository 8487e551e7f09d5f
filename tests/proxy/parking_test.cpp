// When a connection may not be used again although its answer was whole: what was sent of the
// request is in doubt. The other reasons are tested where they arise.

#include "proxy/fake_world.h"

namespace holdfast {
namespace {

using testing::EndsWith;

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

}  // namespace
}  // namespace holdfast
