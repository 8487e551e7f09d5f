// Backends that close without a reason, at every state of a connection.

#include "proxy/fake_world.h"

namespace holdfast {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::StartsWith;

enum class How { fin, reset };

// The connection goes at a state that the test has brought about; what comes of it is the same for
// both ways, but for the client's view of a body that has no other end.
class AClose : public ProxyTest, public testing::WithParamInterface<How> {
 protected:
  void goes(Far& far) { GetParam() == How::fin ? far.ends() : far.resets(); }
  [[nodiscard]] bool asks_anew(Far& far) {
    far.sends(get_of("/anew"));
    Far& newest = backend(backends() - 1);
    if (newest.got().find("GET /anew ") == std::string::npos) {
      return false;
    }
    newest.sends(ok);
    return far.got() == ok;
  }
};

INSTANTIATE_TEST_SUITE_P(Of, AClose, testing::Values(How::fin, How::reset),
                         [](const auto& how) { return how.param == How::fin ? "fin" : "reset"; });

TEST_P(AClose, WhileConnectingGives503) {
  server().connects = FakeNetwork::Connects::when_told;
  Far& far = client();
  far.sends(get);
  backend(0).accepts(ECONNRESET);
  EXPECT_THAT(far.got(), StartsWith("HTTP/1.1 503 "));
  EXPECT_EQ(retired(Retirement::connect_failed), 1U);
}

// The kernel says it when the first byte is written.
TEST_P(AClose, OfALeasedConnectionBeforeTheFirstByteIsNotTheRequestsFault) {
  Far& far = served_client();
  backend(0).wire.takes_no_write = true;
  far.sends(post_of("body"));
  goes(backend(0));
  ASSERT_EQ(backends(), 2U);
  EXPECT_THAT(backend(1).got(), EndsWith("body"));
  backend(1).sends(ok);
  EXPECT_EQ(far.got(), ok);
  EXPECT_EQ(retired(Retirement::stale), 1U);
}

TEST_P(AClose, InTheMiddleOfTheRequestsHeadGives502) {
  Far& far = served_client();
  backend(0).wire.room = 10;
  far.sends(post_of("body"));
  EXPECT_EQ(backend(0).got().size(), 10U);
  goes(backend(0));
  EXPECT_THAT(far.got(), StartsWith("HTTP/1.1 502 "));
  EXPECT_EQ(backends(), 1U);
  EXPECT_EQ(retired(Retirement::broken), 1U);
  EXPECT_TRUE(asks_anew(far));
}

TEST_P(AClose, InTheMiddleOfTheRequestsBodyGives502) {
  Far& far = served_client();
  far.sends("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc");
  goes(backend(0));
  EXPECT_THAT(far.got(), StartsWith("HTTP/1.1 502 "));
  EXPECT_TRUE(far.wire.end_seen);  // the rest of the request is not the next one
  EXPECT_EQ(retired(Retirement::broken), 1U);
}

TEST_P(AClose, OnceTheRequestIsSentGives502) {
  Far& far = served_client();
  far.sends(post_of("body"));
  goes(backend(0));
  EXPECT_THAT(far.got(), StartsWith("HTTP/1.1 502 "));
  EXPECT_EQ(backends(), 1U);
  EXPECT_EQ(retired(Retirement::broken), 1U);
  EXPECT_TRUE(asks_anew(far));
}

TEST_P(AClose, BehindAnInterimAnswerGives502) {
  Far& far = served_client();
  far.sends(get);
  backend(0).sends("HTTP/1.1 103 Hint\r\n\r\n");
  goes(backend(0));
  EXPECT_THAT(far.got(), HasSubstr("\r\n\r\nHTTP/1.1 502 "));
  EXPECT_EQ(backends(), 1U);
  EXPECT_EQ(errors(ErrorCode::response_incomplete), 1U);
  EXPECT_EQ(retired(Retirement::broken), 1U);
  EXPECT_TRUE(asks_anew(far));
}

TEST_P(AClose, InTheMiddleOfTheAnswersHeadGives502) {
  Far& far = served_client();
  far.sends(get);
  backend(0).sends("HTTP/1.1 200 OK\r\nContent-Le");
  goes(backend(0));
  EXPECT_THAT(far.got(), StartsWith("HTTP/1.1 502 "));
  EXPECT_EQ(backends(), 1U);
  EXPECT_EQ(retired(Retirement::broken), 1U);
  EXPECT_TRUE(asks_anew(far));
}

TEST_P(AClose, InTheMiddleOfTheAnswersBodyCutsTheClient) {
  Far& far = served_client();
  far.sends(get);
  backend(0).sends("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc");
  goes(backend(0));
  EXPECT_TRUE(far.cut());
  EXPECT_EQ(retired(Retirement::broken), 1U);
}

TEST_P(AClose, OfABodyWithoutAnotherEndIsItsEndOnlyIfItIsOrderly) {
  Far& far = served_client();
  far.sends(get);
  backend(0).sends("HTTP/1.1 200 OK\r\n\r\nabc");
  goes(backend(0));
  if (GetParam() == How::fin) {
    EXPECT_THAT(far.got(), EndsWith("abc\r\n0\r\n\r\n"));
    EXPECT_TRUE(far.open());
    EXPECT_EQ(retired(Retirement::close_delimited), 1U);
  } else {
    EXPECT_TRUE(far.cut());
    EXPECT_EQ(retired(Retirement::broken), 1U);
  }
}

TEST_P(AClose, WhileIdleIsNobodysLoss) {
  Far& far = served_client();
  goes(backend(0));
  EXPECT_EQ(retired(Retirement::ended_while_idle), 1U);
  EXPECT_TRUE(asks_anew(far));
}

TEST_P(AClose, OfAConnectionThatIsLeavingIsAwaited) {
  Far& far = served_client();
  far.sends(get);
  backend(0).sends("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
  EXPECT_FALSE(backend(0).wire.closed);
  goes(backend(0));
  EXPECT_TRUE(backend(0).wire.closed);
  EXPECT_EQ(retired(Retirement::closed_by_backend), 1U);
}

}  // namespace
}  // namespace holdfast
