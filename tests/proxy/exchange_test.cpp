#include "proxy/exchange.h"

#include "proxy/fake_world.h"

namespace holdfast {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

// What a client gets of its backend's answer, framing and all.
class AnAnswer : public ProxyTest {};

TEST_F(AnAnswer, ComesBackOverAConnectionThatIsKept) {
  Far& far = client();
  far.sends(get);
  EXPECT_THAT(backend(0).got(), StartsWith("GET / HTTP/1.1\r\nHost: a\r\n"));
  backend(0).sends(ok);
  EXPECT_EQ(far.got(), ok);
  EXPECT_TRUE(far.open());
  EXPECT_EQ(endpoint().pool().idle(), 1U);
  far.sends(get);
  backend(0).sends(ok);
  EXPECT_EQ(far.got(), ok);
  EXPECT_EQ(backends(), 1U);
  EXPECT_EQ(worker().blocks.lent(), 0U);
  EXPECT_EQ(worker().exchanges.in_use(), 0U);
}

TEST_F(AnAnswer, IsTheSameHoweverTheBytesAreCut) {
  network.read_bytes = 1;
  Far& far = client();
  far.sends(post_of("a body"));
  EXPECT_THAT(backend(0).got(), EndsWith("a body"));
  backend(0).sends(
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n");
  EXPECT_EQ(far.got(),
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
            "1\r\na\r\n1\r\nb\r\n1\r\nc\r\n1\r\nd\r\n1\r\ne\r\n0\r\n\r\n");
  EXPECT_EQ(endpoint().pool().idle(), 1U);
}

TEST_F(AnAnswer, ComesInTheOrderOfPipelinedRequests) {
  Far& far = client();
  far.sends(get_of("/1") + get_of("/2") + post_of("three") + get_of("/4"));
  Far& at = backend(0);
  for (const char* body : {"1", "2", "3", "4"}) {
    EXPECT_NE(at.got(), "");
    at.sends(ok_of(body));
  }
  EXPECT_EQ(far.got(), ok_of("1") + ok_of("2") + ok_of("3") + ok_of("4"));
  EXPECT_EQ(backends(), 1U);
  EXPECT_EQ(counters().requests, 4U);
}

TEST_F(AnAnswer, ComesToThousandsOfPipelinedRequests) {
  Far& far = client();
  std::string all;
  for (int i = 0; i < 2000; ++i) {
    all += get;
  }
  far.sends(all);
  std::string answers;
  for (int i = 0; i < 2000; ++i) {
    backend(0).sends(ok);
  }
  EXPECT_EQ(far.got().size(), 2000 * ok.size());
  EXPECT_TRUE(far.open());
}

TEST_F(AnAnswer, HasNoBodyForHead) {
  Far& far = client();
  far.sends("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n");
  backend(0).sends("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n");
  EXPECT_EQ(far.got(), "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n");
  EXPECT_EQ(endpoint().pool().idle(), 1U);
}

TEST_F(AnAnswer, HasNoBodyWith204And304) {
  Far& far = client();
  for (const std::string status : {"204 No Content", "304 Not Modified"}) {
    far.sends(get);
    backend(0).sends("HTTP/1.1 " + status + "\r\n\r\n");
    EXPECT_EQ(far.got(), "HTTP/1.1 " + status + "\r\n\r\n");
  }
  EXPECT_EQ(endpoint().pool().idle(), 1U);
  EXPECT_EQ(backends(), 1U);
}

TEST_F(AnAnswer, ThatHasABodyWhereNoneMayBeIsNotFollowedByAnother) {
  Far& far = client();
  far.sends("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n");
  backend(0).sends(ok);
  EXPECT_EQ(far.got(), "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n");
  EXPECT_EQ(retired(Retirement::extra_bytes), 1U);
  far.sends(get);
  backend(1).sends(ok);
  EXPECT_EQ(far.got(), ok);
}

TEST_F(AnAnswer, ThatEndsWithItsConnectionReachesHttp11AsChunks) {
  Far& far = client();
  far.sends(get);
  backend(0).sends("HTTP/1.0 200 OK\r\n\r\nabc");
  backend(0).sends("de");
  backend(0).ends();
  EXPECT_EQ(far.got(),
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
            "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n");
  EXPECT_TRUE(far.open());
  EXPECT_EQ(retired(Retirement::close_delimited), 1U);
}

TEST_F(AnAnswer, ThatEndsWithItsConnectionEndsAnHttp10Client) {
  Far& far = client_with("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  backend(0).sends("HTTP/1.0 200 OK\r\n\r\nabc");
  backend(0).ends();
  EXPECT_EQ(far.got(), "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nabc");
  EXPECT_FALSE(far.open());
  EXPECT_FALSE(far.wire.reset_seen);
}

TEST_F(AnAnswer, InChunksReachesHttp10WithoutThem) {
  Far& far = client_with("GET / HTTP/1.0\r\n\r\n");
  backend(0).sends("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n");
  EXPECT_EQ(far.got(), "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nabc");
  EXPECT_FALSE(far.open());
}

TEST_F(AnAnswer, KeepsAnHttp10ClientThatAskedForIt) {
  Far& far = client_with("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  backend(0).sends(ok);
  EXPECT_THAT(far.got(), HasSubstr("Connection: keep-alive\r\n"));
  EXPECT_TRUE(far.open());
}

TEST_F(AnAnswer, CutByItsBackendIsCutForTheClient) {
  Far& far = client();
  far.sends(get);
  backend(0).sends("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc");
  backend(0).ends();
  EXPECT_THAT(far.got(), EndsWith("abc"));
  EXPECT_TRUE(far.cut());
  EXPECT_EQ(errors(ErrorCode::response_incomplete), 1U);
}

TEST_F(AnAnswer, CutInItsChunksHasNoLastChunk) {
  Far& far = client();
  far.sends(get);
  backend(0).sends("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nab");
  backend(0).resets();
  EXPECT_THAT(far.got(), Not(HasSubstr("0\r\n\r\n")));
  EXPECT_TRUE(far.cut());
}

TEST_F(AnAnswer, ThatTurnsBadIsPassedOnAsFarAsItIsSoundAndCut) {
  Far& far = client();
  far.sends(get);
  backend(0).sends(
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nzz\r\nabc\r\n");
  EXPECT_THAT(far.got(), EndsWith("3\r\nabc\r\n"));
  EXPECT_TRUE(far.cut());
  EXPECT_EQ(retired(Retirement::malformed_response), 1U);
}

TEST_F(AnAnswer, WithBytesBehindItRetiresItsConnection) {
  Far& far = client();
  far.sends(get);
  backend(0).sends(std::string(ok) + "HTTP/1.1 200 OK\r\n");
  EXPECT_EQ(far.got(), ok);
  EXPECT_TRUE(far.open());
  EXPECT_EQ(retired(Retirement::extra_bytes), 1U);
  EXPECT_TRUE(backend(0).wire.closed);
}

TEST_F(AnAnswer, ThatIsNoHttpGives502) {
  Far& far = client();
  far.sends(get);
  backend(0).sends("SSH-2.0-OpenSSH_9.2\r\n");
  EXPECT_THAT(far.got(), StartsWith("HTTP/1.1 502 Bad Gateway\r\n"));
  EXPECT_TRUE(far.open());
  EXPECT_TRUE(backend(0).wire.closed);
}

TEST_F(AnAnswer, WithAHeadOverItsLimitGives502) {
  upstream.limits.head = 1024;
  Far& far = client();
  far.sends(get);
  backend(0).sends("HTTP/1.1 200 OK\r\nX: " + std::string(2000, 'x'));
  EXPECT_THAT(far.got(), StartsWith("HTTP/1.1 502 "));
  EXPECT_EQ(errors(ErrorCode::response_head_too_large), 1U);
}

TEST_F(AnAnswer, ThatDoubtsOurBytesRetiresItsConnection) {
  Far& far = client();
  for (const char* status : {"400 Bad Request", "408 Request Timeout"}) {
    far.sends(get);
    backend(backends() - 1)
        .sends("HTTP/1.1 " + std::string(status) + "\r\nContent-Length: 0\r\n\r\n");
    EXPECT_THAT(far.got(), StartsWith("HTTP/1.1 " + std::string(status)));
  }
  EXPECT_EQ(retired(Retirement::doubted_by_backend), 2U);
}

class AnInterimAnswer : public ProxyTest {
 protected:
  static constexpr std::string_view hints = "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n";
};

TEST_F(AnInterimAnswer, IsPassedOnToHttp11) {
  Far& far = client();
  far.sends(get);
  backend(0).sends(hints);
  EXPECT_EQ(far.got(), hints);
  backend(0).sends(ok);
  EXPECT_EQ(far.got(), ok);
  EXPECT_EQ(endpoint().pool().idle(), 1U);
}

TEST_F(AnInterimAnswer, IsPassedOnTogetherWithTheFinalOne) {
  Far& far = client();
  far.sends(get);
  backend(0).sends(std::string(hints) + std::string(hints) + std::string(ok));
  EXPECT_EQ(far.got(), std::string(hints) + std::string(hints) + std::string(ok));
}

TEST_F(AnInterimAnswer, IsKeptFromHttp10) {
  Far& far = client_with("GET / HTTP/1.0\r\n\r\n");
  backend(0).sends(hints);
  EXPECT_EQ(far.got(), "");
  backend(0).sends(ok);
  EXPECT_THAT(far.got(), StartsWith("HTTP/1.1 200 OK\r\n"));
}

TEST_F(AnInterimAnswer, OfStatus100IsNotPassedOn) {
  Far& far = client();
  far.sends(get);
  backend(0).sends("HTTP/1.1 100 Continue\r\n\r\n" + std::string(ok));
  EXPECT_EQ(far.got(), ok);
}

TEST_F(AnInterimAnswer, MayComeEightTimes) {
  Far& far = client();
  far.sends(get);
  for (int i = 0; i < 8; ++i) {
    backend(0).sends(hints);
  }
  backend(0).sends(ok);
  EXPECT_THAT(far.got(), EndsWith(ok));
}

TEST_F(AnInterimAnswer, MayNotComeNineTimes) {
  Far& far = client();
  far.sends(get);
  for (int i = 0; i < 8; ++i) {
    backend(0).sends(hints);
  }
  static_cast<void>(far.got());
  backend(0).sends(hints);
  EXPECT_THAT(far.got(), StartsWith("HTTP/1.1 502 "));
  EXPECT_TRUE(backend(0).wire.closed);
}

TEST_F(AnInterimAnswer, OfSwitchingProtocolsUnaskedGives502) {
  Far& far = client();
  far.sends(get);
  backend(0).sends("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n");
  EXPECT_THAT(far.got(), StartsWith("HTTP/1.1 502 "));
  EXPECT_TRUE(backend(0).wire.closed);
}

TEST_F(AnInterimAnswer, BeforeAFailureStillLetsTheClientHaveItsAnswer) {
  Far& far = client();
  far.sends(get);
  backend(0).sends(hints);
  backend(0).ends();
  EXPECT_THAT(far.got(), HasSubstr("HTTP/1.1 502 Bad Gateway\r\n"));
}

// The version that a backend is believed to speak.
class ABackendsVersion : public ProxyTest {};

TEST_F(ABackendsVersion, IsUnknownAtFirstSoItIsAskedToKeepTheConnection) {
  Far& far = client();
  far.sends(get);
  EXPECT_THAT(backend(0).got(), HasSubstr("Connection: keep-alive\r\n"));
  backend(0).sends(ok);
  far.sends(get);
  EXPECT_THAT(backend(0).got(), Not(HasSubstr("Connection:")));
}

TEST_F(ABackendsVersion, IsLearntFromItsAnswer) {
  Far& far = client();
  far.sends(get);
  backend(0).sends(ok10);
  EXPECT_EQ(far.got(), ok);
  static_cast<void>(backend(0).got());
  far.sends(get);
  const std::string head = backend(0).got();
  EXPECT_THAT(head, StartsWith("GET / HTTP/1.0\r\n"));
  EXPECT_THAT(head, HasSubstr("Connection: keep-alive\r\n"));
  backend(0).sends(ok);
  far.sends(get);
  EXPECT_THAT(backend(0).got(), StartsWith("GET / HTTP/1.1\r\n"));
}

TEST_F(ABackendsVersion, OfItsConfigurationIsNotUnlearnt) {
  upstream.protocol = ProtocolChoice::http10;
  Far& far = client();
  far.sends(get);
  EXPECT_THAT(backend(0).got(), StartsWith("GET / HTTP/1.0\r\n"));
  backend(0).sends(ok);
  far.sends(get);
  backend(backends() - 1).sends(ok10);
  EXPECT_EQ(endpoint().speaks(), Endpoint::Speaks::http10);
}

TEST_F(ABackendsVersion, OneDotZeroIsKeptOnlyIfItSaysSo) {
  Far& far = client();
  far.sends(get);
  backend(0).sends("HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok");
  EXPECT_EQ(far.got(), ok);
  EXPECT_EQ(retired(Retirement::no_keep_alive), 1U);
  EXPECT_EQ(endpoint().pool().idle(), 0U);
}

class TheHostField : public ProxyTest {};

TEST_F(TheHostField, IsTheClients) {
  client().sends(get);
  EXPECT_THAT(backend(0).got(), HasSubstr("\r\nHost: a\r\n"));
}

TEST_F(TheHostField, IsTheServersIfSoConfigured) {
  upstream.host = HostChoice::server;
  client().sends(get);
  EXPECT_THAT(backend(0).got(), HasSubstr("\r\nHost: 10.0.0.1:80\r\n"));
}

TEST_F(TheHostField, IsANameIfSoConfigured) {
  upstream.host = HostChoice::literal;
  upstream.host_name = "b.example.test";
  client().sends(get);
  EXPECT_THAT(backend(0).got(), HasSubstr("\r\nHost: b.example.test\r\n"));
}

TEST_F(TheHostField, IsTheServersWhereAnOldClientGaveNone) {
  client_with("GET / HTTP/1.0\r\n\r\n");
  EXPECT_THAT(backend(0).got(), HasSubstr("\r\nHost: 10.0.0.1:80\r\n"));
}

}  // namespace
}  // namespace holdfast
