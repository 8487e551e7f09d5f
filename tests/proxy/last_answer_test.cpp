// The last answer of a client's connection, and what the client may still be sending.

#include "proxy/fake_world.h"

namespace holdfast {
namespace {

using testing::EndsWith;
using testing::StartsWith;

class ALastAnswer : public ProxyTest {
 protected:
  static constexpr std::string_view last_ok =
      "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok";
};

// A body that is delimited by the end of the connection would look whole.
TEST_F(ALastAnswer, ThatIsNotReadEndsWithAReset) {
  Far& far = client();
  far.reads_nothing();
  far.sends("GET / HTTP/1.0\r\n\r\n");
  backend(0).sends("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nall of it");
  backend(0).ends();
  EXPECT_FALSE(far.wire.closed);
  advance(61s);
  EXPECT_TRUE(far.cut());
}

// The client may have sent another request before it hears that this was the last, and a reset in
// answer to that would eat the answer.
TEST_F(ALastAnswer, ThatTheClientDidNotExpectIsFollowedByReadingOn) {
  listener.max_requests = 1;
  Far& far = client();
  far.sends(get);
  backend(0).sends(ok);
  EXPECT_EQ(far.got(), last_ok);
  EXPECT_TRUE(far.wire.end_seen);
  EXPECT_FALSE(far.wire.closed);
  far.sends(get);
  far.ends();
  EXPECT_TRUE(far.wire.closed);
  EXPECT_FALSE(far.wire.reset_seen);
}

TEST_F(ALastAnswer, OfOurOwnIsFollowedByReadingOnToo) {
  listener.max_requests = 1;
  server().refuses_later = ECONNREFUSED;
  Far& far = client();
  far.sends(get);
  EXPECT_THAT(far.got(), StartsWith("HTTP/1.1 503 "));
  EXPECT_TRUE(far.wire.end_seen);
  EXPECT_FALSE(far.wire.closed);
}

// All of the request has come, though the backend has not taken it yet.
TEST_F(ALastAnswer, IsGivenThoughTheClientClosedItsHalfBeforeItsBodyWasSentOn) {
  listener.half_close = HalfClose::serve;
  upstream.protocol = ProtocolChoice::http10;
  server().connects = FakeNetwork::Connects::when_told;
  Far& far = client();
  far.sends("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n");
  backend(0).reads_nothing();
  backend(0).accepts();
  far.ends();
  backend(0).reads_all();
  EXPECT_THAT(backend(0).got(), EndsWith("\r\n\r\nhi"));
  backend(0).sends(ok10);
  EXPECT_THAT(far.got(), EndsWith("\r\n\r\nok"));
}

// It has been read, and waits only for the client to take the answer before it.
TEST_F(ALastAnswer, IsThatToARequestThatWasReadBeforeTheDrain) {
  Far& far = client();
  far.reads_nothing();
  far.sends(get);
  backend(0).sends(ok);
  far.sends(get);
  worker().drain();
  settle();
  far.reads_all();
  settle();
  backend(backends() - 1).sends(ok);
  EXPECT_THAT(far.got(), EndsWith(last_ok));
}

}  // namespace
}  // namespace holdfast
