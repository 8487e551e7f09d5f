#include "codec/http1/chunked_body.h"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

#include "codec/http1/transcript.h"

namespace holdfast::http1 {
namespace {

const std::string chunked_head = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";

Transcript decode_chunks(const std::string& chunks) {
  return decode_request(chunked_head + chunks);
}

void expect_body(const std::string& chunks, std::string_view body) {
  const Transcript seen = decode_chunks(chunks);
  EXPECT_EQ(seen.outcome, "end") << chunks;
  EXPECT_EQ(seen.body, body) << chunks;
  EXPECT_EQ(seen.rest, 0U) << chunks;
}

void expect_chunks_refused(const std::vector<std::string>& rows) {
  for (const std::string& row : rows) {
    EXPECT_EQ(decode_chunks(row).outcome, malformed_request) << row;
  }
}

// The outcome for long bodies, which are decoded whole and one byte at a time only.
std::string outcome_of_long(const std::string& chunks) {
  FieldTable table;
  const HeadLimits limits;
  RequestDecoder whole(table, limits, 0);
  RequestDecoder bytewise(table, limits, 0);
  const std::string bytes = chunked_head + chunks;
  const Transcript seen = decode(whole, bytes, {bytes.size(), 1});
  // The head is given whole: only the chunks are cut.
  EXPECT_EQ(decode(bytewise, bytes, {chunked_head.size(), 1}), seen);
  return seen.outcome;
}

TEST(ChunkedBody, IsThePayloadOfItsChunks) {
  expect_body("0\r\n\r\n", "");
  expect_body("000\r\n\r\n", "");
  expect_body("5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n", "hello world");
  expect_body("00000000000000A\r\n0123456789\r\n0\r\n\r\n", "0123456789");
  expect_body("a\r\n\r\n0\r\n\r\n\r\n\n\r\n0\r\n\r\n", "\r\n0\r\n\r\n\r\n\n");
}

TEST(ChunkedBody, LosesItsExtensions) {
  expect_body("1;a\r\nZ\r\n0;last\r\n\r\n", "Z");
  expect_body("1;a=b\r\nZ\r\n0\r\n\r\n", "Z");
  expect_body("1;a=\"b;c\"\r\nZ\r\n0\r\n\r\n", "Z");
}

TEST(ChunkedBody, LosesItsTrailers) {
  expect_body("0\r\nX: y\r\n\r\n", "");
  expect_body("1\r\nZ\r\n0\r\nContent-Length: 30\r\nHost: evil\r\nConnection: close\r\n\r\n", "Z");
  expect_body("0\r\nX:POST / HTTP/1.1\r\n\r\n", "");
  expect_body("0\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n", "");
  expect_body("0\r\nTransfer-Encodin: x\r\nTransfer-Encodings: y\r\n\r\n", "");
}

TEST(ChunkedBody, LeavesTheNextRequestAlone) {
  const Transcript seen =
      decode_chunks("0\r\nContent-Length: 30\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_EQ(seen.outcome, "end");
  EXPECT_EQ(seen.rest, 27U);
}

TEST(ChunkedBody, WaitsForItsEnd) {
  for (const std::string chunks : {"", "1", "1\r", "1\r\n", "1\r\nZ", "1\r\nZ\r", "1\r\nZ\r\n", "0",
                                   "0\r\n", "0\r\n\r", "0\r\nX: y\r\n", "0\r\nX: y\r\n\r", "1;a"}) {
    EXPECT_EQ(decode_chunks(chunks).outcome, "more") << chunks;
  }
}

TEST(ChunkedBody, HasSizesOfBareHexDigits) {
  expect_chunks_refused({"+1\r\nZ\r\n", "-1\r\nZ\r\n", "0x1\r\nZ\r\n", "0_1\r\nZ\r\n",
                         "\r\n0\r\n\r\n", " 1\r\nZ\r\n", "\t1\r\nZ\r\n", "1 \r\nZ\r\n",
                         "1\t\r\nZ\r\n", "1 ;a\r\nZ\r\n", "g\r\nZ\r\n", ";a\r\nZ\r\n",
                         "\xb1"
                         "1\r\nZ\r\n",
                         "1,1\r\nZ\r\n"});
}

TEST(ChunkedBody, HasSizesThatFitASignedNumber) {
  expect_chunks_refused({"ffffffffffffffff\r\nZ", "8000000000000000\r\nZ", "10000000000000000\r\nZ",
                         "00000000000000000000000000000001\r\nZ\r\n0\r\n\r\n"});
  EXPECT_EQ(decode_chunks("7fffffffffffffff\r\nZ").outcome, "more");
  expect_chunks_refused({"1\r\nZ\r\n7fffffffffffffff\r\nZ"});
}

TEST(ChunkedBody, HasLinesThatEndWithCrLf) {
  expect_chunks_refused({"1\nZ\r\n0\r\n\r\n", "1\rXZ\r\n", "1\r\nZ\n0\r\n\r\n", "1\r\nZXX0\r\n\r\n",
                         "1\r\nZ0\r\n\r\n", "1\r\nZ\rX", "0\r\n\n", "0\n\n", "0\r\n\rX",
                         "0\r\nX: y\n\r\n", "0\r\nX: y\r\n\n", "0\r\nX: y\rZ: w\r\n\r\n",
                         "2\r\r;a\r\n02\r\n41\r\n0\r\n\r\n", "1\r\nZZ\r\n0\r\n\r\n"});
}

TEST(ChunkedBody, HasExtensionsOfText) {
  expect_chunks_refused({"1;\r\nZ\r\n", "1;a\nZ\r\n", "1;\nZ\r\n", "1;a=b\nZ\r\n",
                         "1;a=\"b\rc\"\r\nZ\r\n", "1;a\x01\r\nZ\r\n",
                         std::string("1;a=\"\0\"\r\nZ\r\n", 12), "1;a\r;b\r\nZ\r\n",
                         "1;a=\"b\nc\"\r\nZ\r\n"});
}

TEST(ChunkedBody, HasExtensionsThatAreNamesWithAtMostAValue) {
  expect_chunks_refused({"1;;\r\nZ\r\n", "1;;a\r\nZ\r\n", "1;=a\r\nZ\r\n", "1;=a\"b;c\"\r\nZ\r\n",
                         "1;a=\r\nZ\r\n", "1;a=b=c\r\nZ\r\n", "1;a\"b\"\r\nZ\r\n",
                         "1;a=\"b\"c\r\nZ\r\n", "1;a=b\"c\"\r\nZ\r\n", "1;a b\r\nZ\r\n",
                         "1;a=b c\r\nZ\r\n", "1;a=\"b\r\nZ\r\n", "1;a\xff\r\nZ\r\n",
                         "1;a,b\r\nZ\r\n"});
}

TEST(ChunkedBody, HasTrailersThatAreFieldsAndFrameNothing) {
  expect_chunks_refused({"0\r\nTransfer-Encoding: identity\r\n\r\n",
                         "0\r\ntransfer-encoding:\r\n\r\n", "0\r\nX: y\r\n z\r\n\r\n",
                         "0\r\n X: y\r\n\r\n", "0\r\nX\r\n\r\n", "0\r\n: y\r\n\r\n",
                         "0\r\nX : y\r\n\r\n", "0\r\nX: \x01\r\n\r\n", "0\r\nX\x7f: y\r\n\r\n"});
}

TEST(ChunkedBody, BoundsTheExtensionsOfAChunk) {
  const std::string most(max_extension_bytes, 'e');
  EXPECT_EQ(outcome_of_long("1;" + most + "\r\nZ\r\n0\r\n\r\n"), "end");
  EXPECT_EQ(outcome_of_long("1;" + most + "e\r\nZ\r\n0\r\n\r\n"), malformed_request);
}

TEST(ChunkedBody, BoundsTheExtensionsOfAMessage) {
  // Payload enough that the extensions alone are too many.
  const std::string chunk =
      "400;" + std::string(max_extension_bytes, 'e') + "\r\n" + std::string(0x400, 'p') + "\r\n";
  std::string chunks;
  for (std::size_t sum = 0; sum < max_extensions_bytes; sum += max_extension_bytes) {
    chunks += chunk;
  }
  EXPECT_EQ(outcome_of_long(chunks + "0\r\n\r\n"), "end");
  EXPECT_EQ(outcome_of_long(chunks + "0;e\r\n\r\n"), malformed_request);
}

TEST(ChunkedBody, BoundsTheTrailers) {
  // A line counts without its line end.
  const std::string line = "X: " + std::string(max_trailer_bytes / 2 - 3, 'y');
  const std::string chunks = "0\r\n" + line + "\r\n" + line;
  EXPECT_EQ(outcome_of_long(chunks + "\r\n\r\n"), "end");
  EXPECT_EQ(outcome_of_long(chunks + "y\r\n\r\n"), malformed_request);
}

TEST(ChunkedBody, BoundsTheFramingOfTinyChunks) {
  // Each of these has five bytes of framing for one of payload.
  std::string chunks;
  for (std::size_t i = 0; i < max_framing_excess_bytes / 4 - 2; ++i) {
    chunks += "1\r\nZ\r\n";
  }
  EXPECT_EQ(outcome_of_long(chunks + "0\r\n\r\n"), "end");
  EXPECT_EQ(outcome_of_long(chunks + "1\r\nZ\r\n1\r\nZ\r\n1\r\nZ\r\n0\r\n\r\n"), malformed_request);
}

TEST(ChunkedBody, IsTheSameHoweverItIsCut) {
  const unsigned seed = std::random_device{}();
  RecordProperty("seed", std::to_string(seed));
  std::mt19937 random(seed);
  FieldTable table;
  const HeadLimits limits;
  for (int round = 0; round < 200; ++round) {
    std::string payload;
    std::string bytes = chunked_head;
    for (auto chunk = random() % 6; chunk > 0; --chunk) {
      const std::string part(1 + random() % 40, static_cast<char>(random() % 256));
      char size[8];
      std::snprintf(size, sizeof(size), "%zx", part.size());
      bytes += size + std::string(random() % 2 == 0 ? ";x=y" : "") + "\r\n" + part + "\r\n";
      payload += part;
    }
    bytes += "0\r\n\r\n";
    RequestDecoder decoder(table, limits, 0);
    const Transcript seen = decode(decoder, bytes, {1 + random() % bytes.size(), 1 + random() % 9});
    ASSERT_EQ(seen.outcome, "end") << "seed " << seed;
    ASSERT_EQ(seen.body, payload) << "seed " << seed;
  }
}

}  // namespace
}  // namespace holdfast::http1
