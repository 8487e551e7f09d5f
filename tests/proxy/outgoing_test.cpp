#include "proxy/outgoing.h"

#include <gtest/gtest.h>

#include "proxy/fake_wire.h"

namespace holdfast {
namespace {

using Last = Outgoing::Last;

struct NoEvents final : StreamEvents {
  void on_bytes(std::string_view) override {}
  void on_end() override {}
  void on_broken(int) override {}
  void on_drained() override {}
  void on_connected(int) override {}
  void on_closed() override {}
};

class AGatherWrite : public testing::Test {
 protected:
  AGatherWrite() { stream_.join(wire); }
  ~AGatherWrite() override {
    stream_.close();
    stream_.tell_closed();
  }

  WriteOutcome flush(BodyKind framing, Last last) { return out.flush(stream_, framing, last); }
  std::string got() { return std::exchange(wire.written, {}); }

  FakeNetwork network;
  Wire wire;
  Outgoing out;

 private:
  NoEvents events_;
  FakeStream stream_{network, events_, 0};
};

TEST_F(AGatherWrite, SendsAHeadAlone) {
  out.head("HEAD");
  EXPECT_EQ(flush(BodyKind::none, Last::yes), WriteOutcome::written);
  EXPECT_EQ(got(), "HEAD");
}

TEST_F(AGatherWrite, SendsABodyOfKnownLengthAsItIs) {
  out.head("HEAD");
  out.body("one");
  out.body("two");
  EXPECT_EQ(flush(BodyKind::length, Last::yes), WriteOutcome::written);
  EXPECT_EQ(got(), "HEADonetwo");
}

TEST_F(AGatherWrite, MakesOneChunkOfAllSpans) {
  out.head("HEAD");
  out.body("0123456789");
  out.body("abcdef");
  EXPECT_EQ(flush(BodyKind::chunked, Last::no), WriteOutcome::written);
  EXPECT_EQ(got(), "HEAD10\r\n0123456789abcdef\r\n");
}

TEST_F(AGatherWrite, EndsAChunkedBodyBehindItsLastChunk) {
  out.body("abc");
  EXPECT_EQ(flush(BodyKind::chunked, Last::yes), WriteOutcome::written);
  EXPECT_EQ(got(), "3\r\nabc\r\n0\r\n\r\n");
}

TEST_F(AGatherWrite, EndsAChunkedBodyThatIsEmpty) {
  EXPECT_EQ(flush(BodyKind::chunked, Last::yes), WriteOutcome::written);
  EXPECT_EQ(got(), "0\r\n\r\n");
}

TEST_F(AGatherWrite, WritesNoEmptyChunkWhichWouldEndTheBody) {
  out.head("HEAD");
  EXPECT_EQ(flush(BodyKind::chunked, Last::no), WriteOutcome::written);
  EXPECT_EQ(got(), "HEAD");
}

TEST_F(AGatherWrite, AddsNothingToABodyThatEndsWithItsConnection) {
  out.body("abc");
  EXPECT_EQ(flush(BodyKind::until_close, Last::yes), WriteOutcome::written);
  EXPECT_EQ(got(), "abc");
}

TEST_F(AGatherWrite, FitsTheStreamWhenItIsFull) {
  out.head("H");
  while (!out.full()) {
    out.body("x");
  }
  EXPECT_EQ(flush(BodyKind::chunked, Last::yes), WriteOutcome::written);
  EXPECT_EQ(got(), "H10\r\nxxxxxxxxxxxxxxxx\r\n0\r\n\r\n");
}

TEST_F(AGatherWrite, ForgetsWhatItHasSent) {
  out.head("HEAD");
  out.body("abc");
  EXPECT_FALSE(out.empty());
  EXPECT_EQ(flush(BodyKind::chunked, Last::no), WriteOutcome::written);
  EXPECT_TRUE(out.empty());
  static_cast<void>(got());
  out.body("d");
  EXPECT_EQ(flush(BodyKind::chunked, Last::no), WriteOutcome::written);
  EXPECT_EQ(got(), "1\r\nd\r\n");
}

TEST_F(AGatherWrite, SaysWhetherSomethingIsPendingWhenItHasNothingItself) {
  EXPECT_EQ(flush(BodyKind::length, Last::yes), WriteOutcome::written);
  wire.room = 2;
  out.body("abc");
  EXPECT_EQ(flush(BodyKind::length, Last::no), WriteOutcome::pending);
  EXPECT_EQ(flush(BodyKind::length, Last::yes), WriteOutcome::pending);
  EXPECT_EQ(got(), "ab");
}

TEST_F(AGatherWrite, SaysThatTheStreamIsBroken) {
  wire.takes_no_write = true;
  out.body("abc");
  EXPECT_EQ(flush(BodyKind::length, Last::no), WriteOutcome::broken);
  EXPECT_TRUE(out.empty());
}

}  // namespace
}  // namespace holdfast
