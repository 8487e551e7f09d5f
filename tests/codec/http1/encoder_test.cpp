#include "codec/http1/encoder.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "codec/http1/decoder.h"

namespace holdfast::http1 {
namespace {

// A request as a client sends it, and what the plan makes of it. The room is as large as the bound
// and no larger, so a sanitizer sees a write beyond it.
std::string forward(const std::string& request, const RequestPlan& plan) {
  FieldTable table;
  const HeadLimits limits;
  RequestDecoder decoder(table, limits, 0);
  EXPECT_EQ(decoder.next(request).kind, StepKind::head) << request;
  std::vector<char> out(request_bound(decoder.head(), plan));
  const std::size_t size = encode_request(decoder.head(), plan, out);
  EXPECT_LE(size, out.size());
  return {out.data(), size};
}

std::string answer(const std::string& response, const ResponsePlan& plan,
                   Method method = Method::get) {
  FieldTable table;
  const HeadLimits limits;
  ResponseDecoder decoder(table, limits);
  decoder.expect(method);
  EXPECT_EQ(decoder.next(response).kind, StepKind::head) << response;
  std::vector<char> out(response_bound(decoder.head()));
  const std::size_t size = encode_response(decoder.head(), plan, out);
  EXPECT_LE(size, out.size());
  return {out.data(), size};
}

RequestPlan plan_to(std::string_view host) {
  RequestPlan plan;
  plan.host = host;
  plan.client_address = "192.0.2.7";
  return plan;
}

const std::string forwarding =
    "Via: 1.1 holdfast\r\nX-Forwarded-For: 192.0.2.7\r\nX-Forwarded-Proto: http\r\n"
    "X-Forwarded-Host: a\r\n";

TEST(EncodedRequest, HasAnExactStartLineAndHostFirst) {
  EXPECT_EQ(forward("GET http://a/x?y HTTP/1.1\r\nAccept: */*\r\nHost: a\r\n\r\n", plan_to("b:80")),
            "GET /x?y HTTP/1.1\r\nHost: b:80\r\nAccept: */*\r\n" + forwarding + "\r\n");
}

TEST(EncodedRequest, WritesEachLineAlikeHoweverItStoodInItsHead) {
  EXPECT_EQ(
      forward("GET / HTTP/1.1\r\nA: 1\r\nB:2\r\nC: 3\r\nKeep-Alive: x\r\nD: 4\r\nE:  5\r\n"
              "F: 6 \r\nG:\t7\r\nH: \r\nI:\r\nJ: 8\r\nHost: a\r\nK: 9\r\n\r\n",
              plan_to("a")),
      "GET / HTTP/1.1\r\nHost: a\r\nA: 1\r\nB: 2\r\nC: 3\r\nD: 4\r\nE: 5\r\nF: 6\r\nG: 7\r\nH: \r\n"
      "I: \r\nJ: 8\r\nK: 9\r\n" +
          forwarding + "\r\n");
}

TEST(EncodedResponse, WritesEachLineAlikeHoweverItStoodInItsHead) {
  EXPECT_EQ(
      answer(
          "HTTP/1.1 200 OK\r\nA: 1\r\nB:2\r\nC: 3 \r\nD:\r\nE: 4\r\nF: 5\r\nContent-Length: 0\r\n"
          "\r\n",
          {.body = BodyKind::length}),
      "HTTP/1.1 200 OK\r\nA: 1\r\nB: 2\r\nC: 3\r\nD: \r\nE: 4\r\nF: 5\r\nContent-Length: "
      "0\r\n\r\n");
}

TEST(EncodedRequest, GivesAnAbsoluteTargetWithoutAPathItsSlash) {
  EXPECT_EQ(forward("GET http://a?y HTTP/1.1\r\nHost: a\r\n\r\n", plan_to("b")),
            "GET /?y HTTP/1.1\r\nHost: b\r\n" + forwarding + "\r\n");
}

TEST(EncodedRequest, SpeaksTheVersionOfThePlanAndNamesTheOneReceived) {
  RequestPlan plan = plan_to("");
  plan.version = Version::http10;
  plan.connection = ConnectionWord::keep_alive;
  EXPECT_EQ(forward("GET / HTTP/1.0\r\n\r\n", plan),
            "GET / HTTP/1.0\r\nVia: 1.0 holdfast\r\nX-Forwarded-For: 192.0.2.7\r\n"
            "X-Forwarded-Proto: http\r\nConnection: keep-alive\r\n\r\n");
}

TEST(EncodedRequest, HasOneFramingFieldOfOurOwn) {
  RequestPlan plan = plan_to("a");
  plan.body = BodyKind::length;
  plan.content_length = 5;
  const std::string begin = "POST / HTTP/1.1\r\nHost: a\r\n" + forwarding;
  EXPECT_EQ(forward("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 005\r\n\r\n", plan),
            begin + "Content-Length: 5\r\n\r\n");
  plan.content_length = 0;
  EXPECT_EQ(forward("POST / HTTP/1.1\r\nHost: a\r\n\r\n", plan),
            begin + "Content-Length: 0\r\n\r\n");
  plan.body = BodyKind::chunked;
  plan.connection = ConnectionWord::close;
  EXPECT_EQ(forward("POST / HTTP/1.1\r\nHost: a\r\ntransfer-encoding: ChunKed\r\n\r\n", plan),
            begin + "Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n");
}

TEST(EncodedRequest, LosesWhatConcernsTheConnectionOfTheClient) {
  EXPECT_EQ(forward("GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings, x-mine\r\n"
                    "Upgrade: h2c\r\nHTTP2-Settings: AAM\r\nKeep-Alive: 5\r\nX-Mine: 1\r\n"
                    "TE: trailers\r\nTrailer: X\r\nProxy-Connection: keep-alive\r\n"
                    "Proxy-Authorization: Basic x\r\nProxy: http://evil\r\nExpect: 100-continue\r\n"
                    "X-MINE: 2\r\nX-Yours: 3\r\nAuthorization: Basic y\r\n\r\n",
                    plan_to("a")),
            "GET / HTTP/1.1\r\nHost: a\r\nX-Yours: 3\r\nAuthorization: Basic y\r\n" + forwarding +
                "\r\n");
}

TEST(EncodedRequest, MakesTheForwardingFieldsAnewForAClientThatIsNotTrusted) {
  EXPECT_EQ(forward("GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 10.0.0.1\r\n"
                    "X-Forwarded-Proto: https\r\nX-Forwarded-Host: evil\r\nForwarded: for=x\r\n"
                    "X-Real-IP: 10.0.0.2\r\n\r\n",
                    plan_to("a")),
            "GET / HTTP/1.1\r\nHost: a\r\n" + forwarding + "\r\n");
}

TEST(EncodedRequest, ExtendsTheForwardingFieldsOfATrustedClient) {
  RequestPlan plan = plan_to("a");
  plan.trusted = true;
  EXPECT_EQ(
      forward("GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 10.0.0.1\r\n"
              "X-Forwarded-Proto: https\r\nForwarded: for=x\r\nX-Forwarded-For:\r\n"
              "X-Forwarded-For: 10.0.0.2, 10.0.0.3\r\nX-Real-IP: 10.0.0.2\r\n\r\n",
              plan),
      "GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-Proto: https\r\nForwarded: for=x\r\n"
      "X-Real-IP: 10.0.0.2\r\nVia: 1.1 holdfast\r\n"
      "X-Forwarded-For: 10.0.0.1, 10.0.0.2, 10.0.0.3, 192.0.2.7\r\nX-Forwarded-Host: a\r\n\r\n");
}

TEST(EncodedRequest, HasNoEmptyAddressOfAClientWithoutOne) {
  RequestPlan plan = plan_to("a");
  plan.client_address = "";
  const std::string sent = forward("GET / HTTP/1.1\r\nHost: a\r\n\r\n", plan);
  EXPECT_EQ(sent.find("X-Forwarded-For"), std::string::npos) << sent;
}

TEST(EncodedRequest, AppendsToVia) {
  const std::string sent =
      forward("GET / HTTP/1.1\r\nHost: a\r\nVia: 1.0 x\r\nVia: 1.1 y, 1.1 z\r\n\r\n", plan_to("a"));
  EXPECT_NE(sent.find("\r\nVia: 1.0 x, 1.1 y, 1.1 z, 1.1 holdfast\r\n"), std::string::npos) << sent;
}

TEST(EncodedRequest, FitsItsBoundAtItsLongest) {
  RequestPlan plan = plan_to("a");
  plan.body = BodyKind::length;
  plan.content_length = ~std::uint64_t{0};
  plan.connection = ConnectionWord::keep_alive;
  plan.client_scheme = "https";
  const std::string sent = forward("GET / HTTP/1.1\r\nHost: a\r\nA:\r\nB:\r\n\r\n", plan);
  EXPECT_NE(sent.find("Content-Length: 18446744073709551615\r\nConnection: keep-alive\r\n\r\n"),
            std::string::npos);
}

TEST(EncodedResponse, AlwaysSpeaksHttp11) {
  EXPECT_EQ(answer("HTTP/1.0 200 Fine\r\nDate: x\r\nServer: y\r\n\r\n",
                   {ConnectionWord::close, BodyKind::until_close, 0}),
            "HTTP/1.1 200 Fine\r\nDate: x\r\nServer: y\r\nConnection: close\r\n\r\n");
  EXPECT_EQ(answer("HTTP/1.1 200\r\n\r\n", {ConnectionWord::none, BodyKind::chunked, 0}),
            "HTTP/1.1 200 \r\nTransfer-Encoding: chunked\r\n\r\n");
}

TEST(EncodedResponse, HasAReasonOfPlainTextOnly) {
  EXPECT_EQ(answer("HTTP/1.1 200 a\tb\xff\r\nContent-Length: 2\r\n\r\n",
                   {ConnectionWord::keep_alive, BodyKind::length, 2}),
            "HTTP/1.1 200 a?b?\r\nContent-Length: 2\r\nConnection: keep-alive\r\n\r\n");
}

TEST(EncodedResponse, LosesWhatConcernsTheConnectionOfTheBackend) {
  EXPECT_EQ(answer("HTTP/1.1 200 OK\r\nConnection: close, x-mine, Via\r\nKeep-Alive: timeout=5\r\n"
                   "X-Mine: 1\r\nVia: 1.1 x\r\nUpgrade: h2c\r\nTrailer: X\r\nX-Yours: 2\r\n"
                   "Content-Length: 002\r\nSet-Cookie: a\r\nSet-Cookie: b\r\n\r\nhi",
                   {ConnectionWord::none, BodyKind::length, 2}),
            "HTTP/1.1 200 OK\r\nX-Yours: 2\r\nSet-Cookie: a\r\nSet-Cookie: b\r\n"
            "Content-Length: 2\r\n\r\n");
}

TEST(EncodedResponse, AnnouncesALengthWhereNoBodyFollows) {
  const ResponsePlan plan;
  EXPECT_EQ(answer("HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n", plan, Method::head),
            "HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n");
  EXPECT_EQ(answer("HTTP/1.1 304 NM\r\nContent-Length: 7\r\n\r\n", plan),
            "HTTP/1.1 304 NM\r\nContent-Length: 7\r\n\r\n");
  EXPECT_EQ(answer("HTTP/1.1 204 NC\r\nContent-Length: 7\r\n\r\n", plan),
            "HTTP/1.1 204 NC\r\n\r\n");
  EXPECT_EQ(answer("HTTP/1.1 205 RC\r\nContent-Length: 7\r\n\r\n", plan),
            "HTTP/1.1 205 RC\r\nContent-Length: 0\r\n\r\n");
}

TEST(EncodedResponse, OfAnInterimAnswerHasNoFraming) {
  FieldTable table;
  const HeadLimits limits;
  ResponseDecoder decoder(table, limits);
  const std::string response = "HTTP/1.1 103 Early Hints\r\nLink: x\r\nConnection: close\r\n\r\n";
  ASSERT_EQ(decoder.next(response).kind, StepKind::head);
  std::vector<char> out(response_bound(decoder.head()));
  const std::size_t size = encode_interim(decoder.head(), out);
  EXPECT_EQ(std::string(out.data(), size), "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n");
}

TEST(EncodedResponse, HasOurRequestIdInPlaceOfTheBackends) {
  ResponsePlan plan;
  plan.request_id = "ours";
  EXPECT_EQ(answer("HTTP/1.1 204 No Content\r\nx-request-ID: theirs\r\nServer: s\r\n\r\n", plan),
            "HTTP/1.1 204 No Content\r\nServer: s\r\nX-Request-ID: ours\r\n\r\n");
}

TEST(EncodedRequest, HasOurRequestIdInPlaceOfTheClients) {
  RequestPlan plan = plan_to("a");
  const std::string request =
      "GET / HTTP/1.1\r\nHost: a\r\nX-Request-Id: theirs\r\nX-Request-Id2: b\r\n\r\n";
  EXPECT_NE(forward(request, plan).find("X-Request-Id: theirs\r\n"), std::string::npos);
  plan.request_id = "ours";
  EXPECT_EQ(forward(request, plan),
            "GET / HTTP/1.1\r\nHost: a\r\nX-Request-Id2: b\r\nX-Request-ID: ours\r\n" + forwarding +
                "\r\n");
}

TEST(ChunkLine, IsTheSizeInHex) {
  std::vector<char> out(chunk_line_bytes);
  EXPECT_EQ(std::string(out.data(), encode_chunk_line(0x1ac, out)), "1ac\r\n");
  EXPECT_EQ(std::string(out.data(), encode_chunk_line(~std::uint64_t{0}, out)),
            "ffffffffffffffff\r\n");
}

}  // namespace
}  // namespace holdfast::http1
