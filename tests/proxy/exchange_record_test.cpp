// What is told of an exchange at its end, whatever the end was.

#include "proxy/exchange_record.h"

#include "proxy/fake_world.h"

namespace holdfast {
namespace {

class ExchangeRecordTest : public ProxyTest, private ExchangeReader {
 protected:
  // The connections of this proxy's clients are read from now on.
  Far& watched_client() {
    worker().context.exchange_reader = this;
    worker().context.keeps_heads = true;
    return client();
  }

  std::vector<ExchangeRecord> told;
  std::vector<std::string> heads;

 private:
  void on_exchange(const ExchangeRecord& record) override {
    EXPECT_NE(record.listener, nullptr);
    char text[IpAddress::max_text];
    EXPECT_EQ(record.client->write_text(text), "192.0.2.7");
    heads.emplace_back(record.head);
    told.push_back(record);
  }
};

TEST_F(ExchangeRecordTest, TellsOfAnAnsweredRequestOnce) {
  Far& far = watched_client();
  far.sends(post_of("four"));
  advance(3ms);
  backend(0).sends(ok);
  ASSERT_EQ(told.size(), 1U);
  const ExchangeRecord& record = told[0];
  EXPECT_EQ(record.status, 200);
  EXPECT_FALSE(record.error);
  EXPECT_EQ(record.method, http1::Method::post);
  EXPECT_EQ(heads[0], post_of("four").substr(0, post_of("four").size() - 4));
  EXPECT_EQ(record.request_bytes, 4U);
  EXPECT_EQ(record.answer_bytes, 2U);
  EXPECT_EQ(record.first_byte - record.leased, 3ms);
  EXPECT_EQ(record.ended - record.started, 3ms);
  EXPECT_EQ(record.endpoint->authority(), "10.0.0.1:80");
  EXPECT_EQ(record.tries, 1U);
}

TEST_F(ExchangeRecordTest, NumbersConnectionsAndTheirRequests) {
  Far& far = watched_client();
  for (int i = 0; i < 2; ++i) {
    far.sends(get);
    backend(0).sends(ok);
  }
  ASSERT_EQ(told.size(), 2U);
  EXPECT_EQ(told[0].connection, 1U);
  EXPECT_EQ(told[0].connection_request, 1U);
  EXPECT_FALSE(told[0].reused());
  EXPECT_EQ(told[1].connection, 1U);
  EXPECT_EQ(told[1].connection_request, 2U);
  EXPECT_TRUE(told[1].reused());
  EXPECT_EQ(told[0].client_request, 1U);
  EXPECT_EQ(told[1].client_request, 2U);
}

TEST_F(ExchangeRecordTest, TellsHowLongTheConnectionTook) {
  server().connects = FakeNetwork::Connects::when_told;
  Far& far = watched_client();
  far.sends(get);
  advance(5ms);
  backend(0).accepts();
  backend(0).sends(ok);
  ASSERT_EQ(told.size(), 1U);
  EXPECT_EQ(told[0].connect, 5ms);
  EXPECT_EQ(told[0].waited, 5ms);
}

TEST_F(ExchangeRecordTest, TellsOfARefusedRequestThatNeverHadABackend) {
  watched_client().sends("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n");
  ASSERT_EQ(told.size(), 1U);
  EXPECT_EQ(told[0].status, 400);
  EXPECT_EQ(told[0].error, ErrorCode::malformed_request);
  EXPECT_EQ(told[0].upstream, nullptr);
  EXPECT_EQ(told[0].endpoint, nullptr);
  EXPECT_EQ(told[0].connection, 0U);
}

TEST_F(ExchangeRecordTest, TellsOfAClientThatLeft) {
  Far& far = watched_client();
  far.sends(get);
  far.ends();
  ASSERT_EQ(told.size(), 1U);
  EXPECT_EQ(told[0].status, 0);
  EXPECT_EQ(told[0].error, ErrorCode::client_left);
  EXPECT_NE(told[0].endpoint, nullptr);
}

TEST_F(ExchangeRecordTest, TellsOfAnAnswerThatWasCut) {
  watched_client().sends(get);
  backend(0).sends("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab");
  backend(0).ends();
  ASSERT_EQ(told.size(), 1U);
  EXPECT_EQ(told[0].status, 200);
  EXPECT_EQ(told[0].error, ErrorCode::response_incomplete);
  EXPECT_EQ(told[0].answer_bytes, 2U);
}

TEST_F(ExchangeRecordTest, CountsTheConnectionsThatItWasTriedWith) {
  Far& far = served_client();
  worker().context.exchange_reader = nullptr;
  Far& other = watched_client();
  let_turns_pass();
  other.sends(get);
  backend(0).ends();
  backend(1).sends(ok);
  ASSERT_EQ(told.size(), 1U);
  EXPECT_EQ(told[0].tries, 2U);
  EXPECT_EQ(told[0].connection, 2U);
  EXPECT_FALSE(told[0].reused());
  EXPECT_TRUE(far.open());
}

}  // namespace
}  // namespace holdfast
