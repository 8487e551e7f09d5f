#include "proxy/exchange.h"
#include "proxy/fake_world.h"

namespace holdfast {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

std::string chunks(int count) {
  std::string result;
  for (int i = 0; i < count; ++i) {
    result += "1\r\nx\r\n";
  }
  return result;
}

constexpr std::string_view chunked_post =
    "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";

// A request's body on its way to the backend.
class AnUpload : public ProxyTest {
 protected:
  // A backend that is known to speak HTTP/1.1, and its idle connection, backend(0).
  Far& client_of_http11() { return served_client(); }
  // A part of an upload is sent; the next write of it is going to fail.
  Far& stuck_upload() {
    Far& far = client_of_http11();
    far.sends("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\nab");
    backend(0).reads_nothing();
    far.sends("cd");
    network.read_bytes = 10;
    backend(0).wire.takes_no_write = true;
    return far;
  }
};

TEST_F(AnUpload, IsRelayedAsItComes) {
  Far& far = client();
  far.sends("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\nab");
  EXPECT_THAT(backend(0).got(), EndsWith("Content-Length: 6\r\nConnection: keep-alive\r\n\r\nab"));
  far.sends("cd");
  EXPECT_EQ(backend(0).got(), "cd");
  far.sends("ef");
  EXPECT_EQ(backend(0).got(), "ef");
  backend(0).sends(ok);
  EXPECT_EQ(far.got(), ok);
  EXPECT_EQ(endpoint().pool().idle(), 1U);
}

TEST_F(AnUpload, InChunksIsFramedAnew) {
  Far& far = client_of_http11();
  far.sends(std::string(chunked_post) + "3;x=y\r\nabc\r\n02\r\nde\r\n");
  EXPECT_THAT(backend(0).got(), EndsWith("\r\n\r\n5\r\nabcde\r\n"));
  far.sends("0\r\nTrailer: x\r\n\r\n");
  EXPECT_EQ(backend(0).got(), "0\r\n\r\n");
  backend(0).sends(ok);
  EXPECT_EQ(far.got(), ok);
}

TEST_F(AnUpload, OfAPostWithoutABodyAnnouncesThatItIsEmpty) {
  client().sends("POST / HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_THAT(backend(0).got(), HasSubstr("\r\nContent-Length: 0\r\n"));
}

TEST_F(AnUpload, WaitsInTheKernelWhileTheBackendIsSlow) {
  Far& far = client_of_http11();
  backend(0).reads_nothing();
  far.sends("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 200000\r\n\r\n");
  far.sends(std::string(100'000, 'x'));
  EXPECT_FALSE(far.wire.reading);
  EXPECT_GT(far.wire.arrived.size(), 0U);
  EXPECT_LE(backend(0).wire.pending_bytes, 128 * 1024U);
  backend(0).reads_all();
  EXPECT_TRUE(far.wire.reading);
  far.sends(std::string(100'000, 'x'));
  EXPECT_THAT(backend(0).got(), EndsWith("\r\n\r\n" + std::string(200'000, 'x')));
  backend(0).sends(ok);
  EXPECT_EQ(far.got(), ok);
  EXPECT_EQ(endpoint().pool().idle(), 1U);
}

TEST_F(AnUpload, ThatHadToQueueStillWaitsForASlowBackend) {
  server().connects = FakeNetwork::Connects::when_told;
  Far& far = client();
  far.sends("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 500000\r\n\r\n" +
            std::string(50'000, 'x'));
  EXPECT_FALSE(far.wire.reading);
  backend(0).reads_nothing();
  backend(0).accepts();
  EXPECT_FALSE(far.wire.reading);
  far.sends(std::string(400'000, 'x'));
  EXPECT_LE(backend(0).wire.pending_bytes, 64 * 1024U);
}

TEST_F(AnUpload, OfManySmallChunksLetsTheClientGoOnOnceItIsGone) {
  Far& far = client_of_http11();
  backend(0).reads_nothing();
  far.sends(std::string(chunked_post) + chunks(40) + "0\r\n\r\n");
  backend(0).reads_all();
  backend(0).sends(ok);
  EXPECT_EQ(far.got(), ok);
  far.sends(get_of("/next"));
  EXPECT_THAT(backend(backends() - 1).got(), HasSubstr("GET /next "));
}

TEST_F(AnUpload, ThatIsAnsweredEarlyEndsBothConnections) {
  Far& far = client();
  far.sends("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc");
  backend(0).sends("HTTP/1.1 413 Content Too Large\r\nContent-Length: 0\r\n\r\n");
  EXPECT_THAT(far.got(), StartsWith("HTTP/1.1 413 "));
  EXPECT_EQ(retired(Retirement::request_unsent), 1U);
  EXPECT_TRUE(backend(0).cut());
  EXPECT_TRUE(far.wire.end_seen);
  EXPECT_FALSE(far.wire.closed);
  far.sends("defghij");
  EXPECT_FALSE(far.wire.closed);
  far.ends();
  EXPECT_TRUE(far.wire.closed);
  EXPECT_FALSE(far.wire.reset_seen);
}

TEST_F(AnUpload, ThatIsAnsweredWhileItRunsMayStillEndWell) {
  Far& far = client();
  far.sends("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nabc");
  backend(0).sends("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nok");
  far.sends("de");
  EXPECT_THAT(backend(0).got(), EndsWith("abcde"));
  backend(0).sends("ok");
  EXPECT_THAT(far.got(), EndsWith("okok"));
  EXPECT_EQ(endpoint().pool().idle(), 1U);
}

TEST_F(AnUpload, ThatIsAnsweredWhileItRunsIsTheLastOfItsClient) {
  Far& far = client();
  far.sends("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nabc");
  backend(0).sends("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nok");
  EXPECT_THAT(far.got(), HasSubstr("Connection: close\r\n"));
  far.sends("de");
  backend(0).sends("ok");
  EXPECT_FALSE(far.open());
}

TEST_F(AnUpload, BrokenByTheBackendStillBringsItsAnswer) {
  Far& far = client();
  far.sends("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc");
  backend(0).wire.takes_no_write = true;
  far.sends("def");
  EXPECT_EQ(far.got(), "");
  backend(0).sends("HTTP/1.1 413 Content Too Large\r\nContent-Length: 0\r\n\r\n");
  EXPECT_THAT(far.got(), StartsWith("HTTP/1.1 413 "));
  EXPECT_FALSE(far.open());
}

// The loop comes to the write that fails before it has read all that was said.
TEST_F(AnUpload, BrokenBeforeItsAnswerWasReadStillBringsIt) {
  Far& far = stuck_upload();
  backend(0).sends(ok_of("enough"));
  EXPECT_THAT(far.got(), EndsWith("enough"));
}

TEST_F(AnUpload, BrokenInTheMiddleOfAnAnswerWithoutALengthCutsIt) {
  Far& far = stuck_upload();
  backend(0).wire.end_arrived = true;  // what a kernel says behind a reset that a write has met
  backend(0).sends("HTTP/1.0 200 OK\r\n\r\nhalf");
  EXPECT_TRUE(far.cut());
}

TEST_F(AnUpload, BrokenByTheBackendWithoutAnAnswerGives502) {
  Far& far = client();
  far.sends("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc");
  backend(0).resets();
  EXPECT_THAT(far.got(), StartsWith("HTTP/1.1 502 "));
  EXPECT_FALSE(far.open());
  EXPECT_FALSE(far.wire.reset_seen);
}

TEST_F(AnUpload, OverItsLimitGives413) {
  listener.limits.body = 5;
  Far& far = client();
  far.sends(post_of("123456"));
  EXPECT_THAT(far.got(), StartsWith("HTTP/1.1 413 "));
  EXPECT_EQ(backends(), 0U);
}

TEST_F(AnUpload, OverItsLimitInTheMiddleGives413) {
  listener.limits.body = 5;
  Far& far = client_of_http11();
  far.sends(std::string(chunked_post) + "4\r\nabcd\r\n4\r\nefgh\r\n");
  EXPECT_THAT(far.got(), StartsWith("HTTP/1.1 413 "));
  EXPECT_TRUE(backend(0).wire.closed);
}

TEST_F(AnUpload, ThatTurnsBadGives400AndRetiresItsConnection) {
  Far& far = client_of_http11();
  far.sends(std::string(chunked_post) + "3\r\nabc\r\n");
  far.sends("zz\r\n");
  EXPECT_THAT(far.got(), StartsWith("HTTP/1.1 400 "));
  EXPECT_FALSE(far.open());
  EXPECT_THAT(backend(0).got(), Not(EndsWith("0\r\n\r\n")));
  EXPECT_TRUE(backend(0).wire.closed);
}

TEST_F(AnUpload, IsInvitedOnceAConnectionIsThere) {
  server().connects = FakeNetwork::Connects::when_told;
  Far& far = client();
  far.sends("PUT / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n");
  EXPECT_EQ(far.got(), "");
  backend(0).accepts();
  EXPECT_EQ(far.got(), "HTTP/1.1 100 Continue\r\n\r\n");
  EXPECT_THAT(backend(0).got(), Not(HasSubstr("Expect")));
  far.sends("abc");
  EXPECT_EQ(backend(0).got(), "abc");
  backend(0).sends(ok);
  EXPECT_EQ(far.got(), ok);
}

TEST_F(AnUpload, ThatDoesNotWaitForItsInvitationIsNotInvited) {
  Far& far = client();
  far.sends("PUT / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\na");
  EXPECT_EQ(far.got(), "");
}

TEST_F(AnUpload, ThatIsRefusedIsNotInvited) {
  server().refuses_later = ECONNREFUSED;
  Far& far = client();
  far.sends("PUT / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n");
  EXPECT_THAT(far.got(), StartsWith("HTTP/1.1 503 "));
  EXPECT_TRUE(far.wire.end_seen);
}

TEST_F(AnUpload, ToAnHttp10ServerIsInvitedAtOnce) {
  upstream.protocol = ProtocolChoice::http10;
  Far& far = client();
  far.sends(
      "PUT / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nTransfer-Encoding: chunked\r\n\r\n");
  EXPECT_EQ(far.got(), "HTTP/1.1 100 Continue\r\n\r\n");
  EXPECT_EQ(backends(), 0U);
}

// A chunked request to a server that may not know chunks.
class ACollectedBody : public ProxyTest {};

TEST_F(ACollectedBody, GoesWithItsLength) {
  upstream.protocol = ProtocolChoice::http10;
  Far& far = client();
  far.sends(std::string(chunked_post) + "3\r\nabc\r\n");
  EXPECT_EQ(backends(), 0U);
  far.sends("2\r\nde\r\n0\r\n\r\n");
  EXPECT_THAT(backend(0).got(),
              EndsWith("Content-Length: 5\r\nConnection: keep-alive\r\n\r\nabcde"));
  backend(0).sends(ok10);
  EXPECT_EQ(far.got(), ok);
  EXPECT_EQ(worker().blocks.lent(), 0U);
}

TEST_F(ACollectedBody, IsTheSameByteByByte) {
  network.read_bytes = 1;
  upstream.protocol = ProtocolChoice::http10;
  Far& far = client();
  far.sends(std::string(chunked_post) + "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n");
  EXPECT_THAT(backend(0).got(),
              EndsWith("Content-Length: 5\r\nConnection: keep-alive\r\n\r\nabcde"));
}

TEST_F(ACollectedBody, OfNothingHasLengthZero) {
  upstream.protocol = ProtocolChoice::http10;
  client().sends(std::string(chunked_post) + "0\r\n\r\n");
  EXPECT_THAT(backend(0).got(), EndsWith("Content-Length: 0\r\nConnection: keep-alive\r\n\r\n"));
}

TEST_F(ACollectedBody, BeyondItsLimitGives413) {
  upstream.protocol = ProtocolChoice::http10;
  upstream.limits.chunked_body = 4;
  Far& far = client();
  far.sends(std::string(chunked_post) + "5\r\nabcde\r\n0\r\n\r\n");
  EXPECT_THAT(far.got(), StartsWith("HTTP/1.1 413 "));
  EXPECT_EQ(backends(), 0U);
}

TEST_F(ACollectedBody, BeyondItsLimitGoesInChunksToAServerNobodyKnows) {
  upstream.limits.chunked_body = 4;
  Far& far = client();
  far.sends(std::string(chunked_post) + "5\r\nabcde\r\n");
  EXPECT_THAT(backend(0).got(), EndsWith("\r\n\r\n5\r\nabcde\r\n"));
  far.sends("1\r\nf\r\n0\r\n\r\n");
  EXPECT_EQ(backend(0).got(), "1\r\nf\r\n0\r\n\r\n");
  backend(0).sends(ok);
  EXPECT_EQ(far.got(), ok);
}

TEST_F(ACollectedBody, OfSeveralBlocksComesOutWhole) {
  upstream.protocol = ProtocolChoice::http10;
  Far& far = client();
  std::string body;
  for (int i = 0; i < 300'000; ++i) {
    body += static_cast<char>('a' + i % 26);
  }
  far.sends(std::string(chunked_post) + "493e0\r\n" + body + "\r\n0\r\n\r\n");
  EXPECT_THAT(backend(0).got(), EndsWith("\r\n\r\n" + body));
  backend(0).sends(ok10);
  EXPECT_EQ(far.got(), ok);
  EXPECT_EQ(worker().blocks.lent(), 0U);
}

TEST_F(ACollectedBody, GoesBlockByBlockToASlowServer) {
  upstream.protocol = ProtocolChoice::http10;
  server().connects = FakeNetwork::Connects::when_told;
  Far& far = client();
  const std::string body(300'000, 'x');
  far.sends(std::string(chunked_post) + "493e0\r\n" + body + "\r\n0\r\n\r\n");
  backend(0).reads_nothing();
  backend(0).accepts();
  for (int i = 0; i < 40; ++i) {
    EXPECT_LE(backend(0).wire.pending_bytes, 70'000U);
    backend(0).reads(10'000);
  }
  EXPECT_THAT(backend(0).got(), EndsWith("\r\n\r\n" + body));
  backend(0).sends(ok10);
  EXPECT_EQ(far.got(), ok);
  EXPECT_EQ(endpoint().pool().idle(), 1U);
}

TEST_F(ACollectedBody, ThatWasSlowToGoLetsItsClientGoOn) {
  upstream.protocol = ProtocolChoice::http10;
  server().connects = FakeNetwork::Connects::when_told;
  Far& far = client();
  far.sends(std::string(chunked_post) + "5\r\nabcde\r\n0\r\n\r\n");
  backend(0).reads_nothing();
  backend(0).accepts();
  backend(0).reads_all();
  backend(0).sends(ok10);
  EXPECT_EQ(far.got(), ok);
  static_cast<void>(backend(0).got());
  far.sends(get);
  EXPECT_THAT(backend(0).got(), StartsWith("GET / HTTP/1.0\r\n"));
}

TEST_F(ACollectedBody, IsIntactAfterAReplay) {
  upstream.protocol = ProtocolChoice::http10;
  Far& far = client();
  far.sends(get);
  backend(0).sends(ok10);
  backend(0).wire.takes_no_write = true;
  far.sends(std::string(chunked_post) + "5\r\nabcde\r\n0\r\n\r\n");
  EXPECT_THAT(backend(1).got(),
              EndsWith("Content-Length: 5\r\nConnection: keep-alive\r\n\r\nabcde"));
  backend(1).sends(ok10);
  EXPECT_THAT(far.got(), EndsWith(ok));
}

// An answer on its way to a slow client.
class ASlowClient : public ProxyTest {
 protected:
  static std::string big_head() { return "HTTP/1.1 200 OK\r\nContent-Length: 300000\r\n\r\n"; }
};

TEST_F(ASlowClient, MakesItsBackendWait) {
  Far& far = client();
  far.sends(get);
  far.reads_nothing();
  backend(0).sends(big_head() + std::string(300'000, 'x'));
  EXPECT_FALSE(backend(0).wire.reading);
  EXPECT_LE(far.wire.pending_bytes, 128 * 1024U);
  far.reads(100'000);
  EXPECT_LE(far.wire.pending_bytes, 128 * 1024U);
  far.reads_all();
  EXPECT_EQ(far.got(), big_head() + std::string(300'000, 'x'));
  EXPECT_EQ(endpoint().pool().idle(), 1U);
  EXPECT_TRUE(far.open());
}

TEST_F(ASlowClient, HoldsNoConnectionForTheEndOfItsAnswer) {
  Far& far = client();
  far.sends(get);
  far.reads_nothing();
  backend(0).sends(ok);
  EXPECT_EQ(endpoint().pool().idle(), 1U);
  far.reads_all();
  EXPECT_EQ(far.got(), ok);
}

// An answer of many chunks is written in several goes, and the first of them finds no room: the
// backend's connection is paused, and all of the answer has been read from it all the same.
TEST_F(ASlowClient, OfManySmallChunksLeavesAConnectionThatIsRead) {
  Far& far = client();
  far.sends(get);
  far.reads_nothing();
  std::string chunks = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
  for (int i = 0; i < 100; ++i) {
    chunks += "1\r\nx\r\n";
  }
  chunks += "0\r\n\r\n";
  backend(0).sends(chunks);
  EXPECT_EQ(endpoint().pool().idle(), 1U);
  EXPECT_TRUE(backend(0).wire.reading);
  Far& next = client();
  next.sends(get);
  backend(0).sends(ok);
  EXPECT_EQ(next.got(), ok);
}

TEST_F(ASlowClient, ThatStopsReadingIsCut) {
  Far& far = client();
  far.sends(get);
  far.reads_nothing();
  backend(0).sends(big_head() + std::string(200'000, 'x'));
  advance(30s + 10ms);
  EXPECT_TRUE(far.cut());
  EXPECT_TRUE(backend(0).wire.closed);
  EXPECT_EQ(errors(ErrorCode::client_stalled), 1U);
}

TEST_F(ASlowClient, ThatTakesLessThanItMustIsCutThoughItReads) {
  Far& far = client();
  far.sends(get);
  far.reads_nothing();
  backend(0).sends(big_head() + std::string(200'000, 'x'));
  advance(29s);
  far.reads(static_cast<std::size_t>(512 * 30 - 1));
  advance(1s + 10ms);
  EXPECT_TRUE(far.cut());
  EXPECT_TRUE(backend(0).wire.closed);
  EXPECT_EQ(errors(ErrorCode::client_stalled), 1U);
}

TEST_F(ASlowClient, MayReadAsLittleAsItLikesWithoutARate) {
  listener.limits.write_rate = 0;
  Far& far = client();
  far.sends(get);
  far.reads_nothing();
  backend(0).sends(big_head() + std::string(200'000, 'x'));
  for (int i = 0; i < 6; ++i) {
    advance(25s);
    far.reads(1);
  }
  EXPECT_TRUE(far.open());
}

TEST_F(ASlowClient, ThatReadsALittleIsNotCut) {
  Far& far = client();
  far.sends(get);
  far.reads_nothing();
  backend(0).sends(big_head() + std::string(200'000, 'x'));
  for (int i = 0; i < 6; ++i) {
    advance(25s);
    far.reads(static_cast<std::size_t>(512 * 30));
  }
  EXPECT_TRUE(far.open());
  EXPECT_EQ(errors(ErrorCode::client_stalled), 0U);
}

TEST_F(ASlowClient, ThatIsClosedGetsAllOfItsAnswerFirst) {
  Far& far = client_with("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  far.reads_nothing();
  backend(0).sends(ok);
  EXPECT_TRUE(far.open());
  far.reads_all();
  EXPECT_THAT(far.got(), EndsWith("\r\n\r\nok"));
  EXPECT_TRUE(far.wire.end_seen);
  far.ends();
  EXPECT_TRUE(far.wire.closed);
}

TEST_F(ASlowClient, ThatPipelinesWithoutEndHoldsABoundedAmountOfMemory) {
  Far& far = client();
  far.reads_nothing();
  std::string all;
  for (int i = 0; i < 200; ++i) {
    all += get;
  }
  far.sends(all);
  for (int i = 0; i < 200; ++i) {
    backend(0).sends(ok_of(std::string(20'000, 'x')));
  }
  EXPECT_LE(far.wire.most_pending_bytes, 512 * 1024U);
}

}  // namespace
}  // namespace holdfast
