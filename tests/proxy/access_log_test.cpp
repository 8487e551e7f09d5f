#include "proxy/access_log.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "proxy/fake_world.h"

namespace holdfast {
namespace {

class AccessLogTest : public ProxyTest {
 protected:
  void log_as(const AccessLogOptions& options) {
    log_ = std::make_unique<AccessLog>(options, lane_, 1);
    worker().context.exchange_reader = log_.get();
    worker().context.keeps_heads = true;
  }

  // The lines since it was asked last.
  std::string lines() {
    std::string all;
    for (const std::string_view part : lane_.ring().waiting()) {
      all += part;
      lane_.ring().consume(part.size());
    }
    return all;
  }
  std::size_t count_lines() {
    const std::string all = lines();
    return static_cast<std::size_t>(std::count(all.begin(), all.end(), '\n'));
  }

  Wakeup wakeup_;
  LogLane lane_{1 << 16, wakeup_};
  std::unique_ptr<AccessLog> log_;
};

TEST_F(AccessLogTest, HasALineForEachExchange) {
  log_as({.format = AccessLogFormat::logfmt});
  Far& asking = client();
  asking.sends("GET /a HTTP/1.1\r\nHost: h\r\nX-Request-ID: mine\r\n\r\n");
  EXPECT_EQ(lines(), "");
  backend(0).sends(ok);
  const std::string line = lines();
  EXPECT_THAT(line, testing::HasSubstr(" method=GET host=h path=/a proto=HTTP/1.1 status=200 "));
  EXPECT_THAT(line, testing::HasSubstr(" server=10.0.0.1:80 reused=false conn=1 conn_req=1 "));
  EXPECT_THAT(line, testing::HasSubstr(" request_id=mine"));
  asking.sends(get);
  backend(0).sends(ok);
  EXPECT_THAT(lines(), testing::HasSubstr(" reused=true conn=1 conn_req=2 "));
}

TEST_F(AccessLogTest, MakesAnIdThatTheBackendGetsToo) {
  log_as({.format = AccessLogFormat::logfmt});
  client().sends(get);
  const std::string sent = backend(0).got();
  const std::size_t at = sent.find("X-Request-ID: ");
  ASSERT_NE(at, std::string::npos) << sent;
  const std::string id = sent.substr(at + 14, RequestId::text_bytes);
  backend(0).sends(ok);
  EXPECT_THAT(lines(), testing::HasSubstr(" request_id=" + id + "\n"));
}

TEST_F(AccessLogTest, ShowsAHeadThatWasRefused) {
  log_as({.format = AccessLogFormat::logfmt});
  client().sends("NONSENSE\r\n\r\n");
  EXPECT_THAT(lines(), testing::AllOf(testing::HasSubstr(" request=NONSENSE status=400 "),
                                      testing::HasSubstr(" error=http_request_error ")));
}

TEST_F(AccessLogTest, TellsOfAClientThatLeft) {
  log_as({.format = AccessLogFormat::combined});
  Far& leaving = client();
  leaving.sends(get);
  leaving.resets();
  EXPECT_THAT(lines(), testing::HasSubstr("\"GET / HTTP/1.1\" 499 0 "));
}

TEST_F(AccessLogTest, LogsFailuresAndSlowOnesWhateverTheSample) {
  log_as({.format = AccessLogFormat::json, .sample = 0, .slow = 1s});
  Far& asking = client();
  asking.sends(get);
  backend(0).sends(ok);
  EXPECT_EQ(count_lines(), 0U);
  asking.sends(get);
  backend(0).sends("HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n");
  EXPECT_EQ(count_lines(), 1U);
  asking.sends(get);
  advance(999ms);
  backend(0).sends(ok);
  EXPECT_EQ(count_lines(), 0U);
  asking.sends(get);
  advance(1s);
  backend(0).sends(ok);
  EXPECT_EQ(count_lines(), 1U);
  asking.sends("GET / HTTP/1.1\r\n\r\n");
  EXPECT_EQ(count_lines(), 1U);
}

TEST_F(AccessLogTest, TakesAboutAsManyAsTheSampleSays) {
  log_as({.format = AccessLogFormat::combined, .sample = 20, .slow = 0s});
  Far& asking = client();
  std::size_t logged = 0;
  for (int i = 0; i < 2000; ++i) {
    asking.sends(get);
    backend(0).sends(ok);
    logged += count_lines();
  }
  EXPECT_NEAR(static_cast<double>(logged), 400.0, 100.0);  // its seed is fixed
}

TEST_F(AccessLogTest, LosesAndCountsWhatItsLaneDoesNotTake) {
  log_as({.format = AccessLogFormat::json});
  Far& asking = client();
  for (int i = 0; i < 1000; ++i) {
    asking.sends(get);
    backend(0).sends(ok);
  }
  EXPECT_EQ(count_lines() + lane_.lost(), 1000U);
  EXPECT_GT(lane_.lost(), 0U);
}

}  // namespace
}  // namespace holdfast
