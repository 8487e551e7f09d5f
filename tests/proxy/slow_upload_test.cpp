#include "proxy/exchange.h"
#include "proxy/fake_world.h"

namespace holdfast {
namespace {

using testing::StartsWith;

constexpr std::string_view long_post =
    "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n";

// A client that takes its time with the body of its request.
class ASlowUpload : public ProxyTest {};

TEST_F(ASlowUpload, OfAByteASecondIsCutAfterFiveSeconds) {
  Far& far = client();
  far.sends(long_post);
  for (int i = 0; i < 5; ++i) {
    EXPECT_TRUE(far.open());
    advance(990ms);
    far.sends("x");
  }
  advance(100ms);
  EXPECT_THAT(far.got(), StartsWith("HTTP/1.1 408 "));
  EXPECT_TRUE(backend(0).wire.closed);
  EXPECT_EQ(errors(ErrorCode::request_timeout), 1U);
}

TEST_F(ASlowUpload, AtItsLeastRateIsNotCut) {
  Far& far = client();
  far.sends(long_post);
  for (int i = 0; i < 60; ++i) {
    advance(1s);
    far.sends(std::string(512, 'x'));
  }
  EXPECT_TRUE(far.open());
}

TEST_F(ASlowUpload, OfAByteASecondIsServedWithoutARate) {
  listener.limits.body_rate = 0;
  Far& far = client();
  far.sends(long_post);
  for (int i = 0; i < 60; ++i) {
    advance(1s);
    far.sends("x");
  }
  EXPECT_TRUE(far.open());
}

TEST_F(ASlowUpload, ThatBeganFastMayStopForAsLongAsABodyMay) {
  Far& far = client();
  far.sends(std::string(long_post) + std::string(90'000, 'x'));
  advance(29s);
  EXPECT_TRUE(far.open());
  far.sends("x");
  advance(1s + 10ms);  // one byte more has bought next to nothing
  EXPECT_THAT(far.got(), StartsWith("HTTP/1.1 408 "));
}

TEST_F(ASlowUpload, DoesNotPayForTheTimeThatTheBackendTakes) {
  Far& far = served_client();
  backend(0).reads_nothing();
  far.sends(std::string(long_post) + std::string(50'000, 'x'));
  for (int i = 0; i < 4; ++i) {
    advance(25s);
    backend(0).reads(1000);
  }
  backend(0).reads_all();
  EXPECT_TRUE(far.open());
  advance(4s);
  far.sends(std::string(50'000, 'x'));
  backend(0).sends(ok);
  EXPECT_EQ(far.got(), ok);
}

}  // namespace
}  // namespace holdfast
