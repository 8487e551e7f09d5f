// Each cell of the replay table, as a client and its backends see it.

#include <tuple>

#include "proxy/fake_world.h"
#include "proxy/replay.h"

namespace holdfast {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::StartsWith;

struct Kind {
  const char* name;
  const char* method;
  const char* body;  // null for none
  RequestClass request;
};

constexpr Kind kinds[] = {
    {"Get", "GET", nullptr, RequestClass::safe},
    {"Head", "HEAD", nullptr, RequestClass::safe},
    {"Options", "OPTIONS", nullptr, RequestClass::safe},
    {"GetWithABody", "GET", "body", RequestClass::other},
    {"Put", "PUT", "body", RequestClass::idempotent},
    {"PutOfNothing", "PUT", "", RequestClass::idempotent},
    {"Delete", "DELETE", nullptr, RequestClass::idempotent},
    {"DeleteWithABody", "DELETE", "body", RequestClass::idempotent},
    {"Post", "POST", "body", RequestClass::other},
    {"PostWithoutABody", "POST", nullptr, RequestClass::other},
    {"Patch", "PATCH", "body", RequestClass::other},
};
constexpr const char* points[] = {"Connect",  "Probe",       "Write", "ReusedEnd",
                                  "FreshEnd", "AnswerBegun", "Other"};

class ACellOfTheReplayTable
    : public ProxyTest,
      public testing::WithParamInterface<std::tuple<std::size_t, std::size_t, ReplayMethods>> {
 protected:
  static constexpr std::string_view done = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";

  static FailurePoint point() { return static_cast<FailurePoint>(std::get<0>(GetParam())); }
  static const Kind& kind() { return kinds[std::get<1>(GetParam())]; }

  static std::string request() {
    std::string text = std::string(kind().method) + " /it HTTP/1.1\r\nHost: a\r\n";
    if (kind().body != nullptr) {
      text += "Content-Length: " + std::to_string(std::strlen(kind().body)) + "\r\n";
    }
    return text + "\r\n" + (kind().body == nullptr ? "" : kind().body);
  }

  // The client, whose request has failed at the point of this cell.
  Far& fail_there() {
    switch (point()) {
      case FailurePoint::connect: {
        upstream.servers = {"10.0.0.1:80", "10.0.0.2:80"};
        server("10.0.0.1:80").refuses_later = ECONNREFUSED;
        return asking(client());
      }
      case FailurePoint::probe: {
        Far& far = served_client();
        let_turns_pass();
        backend(0).wire.end_arrived = true;  // the loop has not come to it
        return asking(far);
      }
      case FailurePoint::write: {
        Far& far = served_client();
        backend(0).wire.takes_no_write = true;
        return asking(far);
      }
      case FailurePoint::reused_end: {
        Far& far = asking(served_client());
        backend(0).ends();
        return far;
      }
      case FailurePoint::fresh_end: {
        Far& far = asking(client());
        backend(0).ends();
        return far;
      }
      case FailurePoint::answer_begun: {
        Far& far = asking(served_client());
        backend(0).sends("H");
        backend(0).ends();
        return far;
      }
      case FailurePoint::other: {
        Far& far = asking(served_client());
        advance(61s);
        return far;
      }
    }
    return client();
  }

  Far& asking(Far& far) {
    far.sends(request());
    return far;
  }

  // RFC 9110 section 9.2.2, once more and in other words.
  static bool expected() {
    switch (point()) {
      case FailurePoint::connect:
      case FailurePoint::probe:
      case FailurePoint::write:
        return true;
      case FailurePoint::reused_end:
        return kind().request == RequestClass::safe ||
               (kind().request == RequestClass::idempotent &&
                std::get<2>(GetParam()) == ReplayMethods::idempotent);
      case FailurePoint::fresh_end:
      case FailurePoint::answer_begun:
      case FailurePoint::other:
        return false;
    }
    return false;
  }
};

TEST_P(ACellOfTheReplayTable, IsWhatBecomesOfTheRequest) {
  upstream.replay.methods = std::get<2>(GetParam());
  Far& far = fail_there();
  if (!expected()) {
    EXPECT_THAT(far.got(),
                StartsWith(point() == FailurePoint::other ? "HTTP/1.1 504 " : "HTTP/1.1 502 "));
    EXPECT_EQ(backends(), 1U);
    EXPECT_EQ(counters().replays, 0U);
    return;
  }
  ASSERT_EQ(backends(), 2U);
  const std::string again = backend(1).got();
  EXPECT_THAT(again, StartsWith(std::string(kind().method) + " /it HTTP/1.1\r\n"));
  EXPECT_THAT(again, EndsWith("\r\n\r\n" + std::string(kind().body ? kind().body : "")));
  EXPECT_EQ(far.got(), "");
  backend(1).sends(done);
  EXPECT_EQ(far.got(), done);
  EXPECT_TRUE(far.open());
  const bool counted = point() == FailurePoint::write || point() == FailurePoint::reused_end;
  EXPECT_EQ(counters().replays, counted ? 1U : 0U);
  EXPECT_EQ(counters().replays_answered, counters().replays);
  EXPECT_EQ(counters().failovers, point() == FailurePoint::connect ? 1U : 0U);
}

INSTANTIATE_TEST_SUITE_P(
    All, ACellOfTheReplayTable,
    testing::Combine(testing::Range<std::size_t>(0, failure_point_count),
                     testing::Range<std::size_t>(0, std::size(kinds)),
                     testing::Values(ReplayMethods::safe, ReplayMethods::idempotent)),
    [](const auto& cell) {
      return std::string(points[std::get<0>(cell.param)]) + kinds[std::get<1>(cell.param)].name +
             (std::get<2>(cell.param) == ReplayMethods::safe ? "Safe" : "Idempotent");
    });

// The body of a request that may have to go out twice.
class AKeptBody : public ProxyTest {
 protected:
  AKeptBody() { upstream.replay.methods = ReplayMethods::idempotent; }
  static std::string put_head(std::size_t bytes) {
    return "PUT /it HTTP/1.1\r\nHost: a\r\nContent-Length: " + std::to_string(bytes) + "\r\n\r\n";
  }
};

TEST_F(AKeptBody, GoesOnWhereItWasWhenTheConnectionEnded) {
  Far& far = served_client();
  far.sends(put_head(9) + "abc");
  far.sends("def");
  backend(0).resets();
  ASSERT_EQ(backends(), 2U);
  EXPECT_THAT(backend(1).got(), EndsWith("\r\n\r\nabcdef"));
  far.sends("ghi");
  EXPECT_EQ(backend(1).got(), "ghi");
  backend(1).sends(ok);
  EXPECT_EQ(far.got(), ok);
  EXPECT_EQ(counters().replays_answered, 1U);
}

TEST_F(AKeptBody, IncludesWhatCameWhileItWaitedForAConnection) {
  Far& far = served_client();
  far.sends(put_head(9) + "abc");
  server().connects = FakeNetwork::Connects::when_told;
  backend(0).ends();
  far.sends("def");
  backend(1).accepts();
  EXPECT_THAT(backend(1).got(), EndsWith("\r\n\r\nabcdef"));
  far.sends("ghi");
  backend(1).sends(ok);
  EXPECT_EQ(far.got(), ok);
}

TEST_F(AKeptBody, IsChunkedAgainIfItCameSo) {
  Far& far = served_client();
  far.sends("PUT /it HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
  backend(0).ends();
  EXPECT_THAT(backend(1).got(), EndsWith("\r\n\r\n3\r\nabc\r\n"));
  far.sends("2\r\nde\r\n0\r\n\r\n");
  EXPECT_EQ(backend(1).got(), "2\r\nde\r\n0\r\n\r\n");
  backend(1).sends(ok);
  EXPECT_EQ(far.got(), ok);
}

TEST_F(AKeptBody, IsSentWithItsLengthWhenTheChunkedOneWasWhole) {
  Far& far = served_client();
  far.sends(
      "PUT /it HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
      "3\r\nabc\r\n0\r\n\r\n");
  backend(0).ends();
  EXPECT_THAT(backend(1).got(), EndsWith("\r\n\r\n3\r\nabc\r\n0\r\n\r\n"));
  backend(1).sends(ok);
  EXPECT_EQ(far.got(), ok);
}

TEST_F(AKeptBody, IsCollectedForAnHttp10ServerAndSentAgainWhole) {
  Far& far = client();
  far.sends(get);
  backend(0).sends(ok10);
  EXPECT_THAT(far.got(), EndsWith("ok"));
  static_cast<void>(backend(0).got());
  far.sends(
      "PUT /it HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
      "3\r\nabc\r\n0\r\n\r\n");
  EXPECT_THAT(backend(0).got(), HasSubstr("Content-Length: 3\r\n"));
  backend(0).ends();
  const std::string again = backend(1).got();
  EXPECT_THAT(again, HasSubstr("Content-Length: 3\r\n"));
  EXPECT_THAT(again, EndsWith("\r\n\r\nabc"));
  backend(1).sends(ok10);
  EXPECT_THAT(far.got(), EndsWith("ok"));
}

TEST_F(AKeptBody, HasABoundAboveWhichTheRequestIsNotSentAgain) {
  upstream.replay.body = 10;
  for (const std::size_t bytes : {10U, 11U}) {
    const std::size_t before = backends();
    Far& far = before == 0 ? served_client() : client();
    far.sends(put_head(bytes) + std::string(bytes, 'x'));
    backend(backends() - 1).ends();
    if (bytes == 10) {
      EXPECT_THAT(backend(backends() - 1).got(), EndsWith("\r\n\r\nxxxxxxxxxx"));
      backend(backends() - 1).sends(ok);
      EXPECT_EQ(far.got(), ok);
    } else {
      EXPECT_THAT(far.got(), StartsWith("HTTP/1.1 502 "));
    }
  }
}

TEST_F(AKeptBody, OfChunksHasTheSameBound) {
  upstream.replay.body = 10;
  Far& far = served_client();
  far.sends(
      "PUT /it HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
      "a\r\n0123456789\r\n1\r\nx\r\n");
  backend(0).ends();
  EXPECT_THAT(far.got(), StartsWith("HTTP/1.1 502 "));
  EXPECT_EQ(backends(), 1U);
}

TEST_F(AKeptBody, SurvivesABackendThatStoppedTakingItInTheMiddle) {
  Far& far = served_client();
  far.sends(put_head(9) + "abc");
  backend(0).wire.takes_no_write = true;
  far.sends("def");  // broken, but only reading tells what became of the connection
  far.sends("ghi");
  EXPECT_EQ(backends(), 1U);
  backend(0).resets();
  ASSERT_EQ(backends(), 2U);
  EXPECT_THAT(backend(1).got(), EndsWith("\r\n\r\nabcdefghi"));
  backend(1).sends(ok);
  EXPECT_EQ(far.got(), ok);
}

TEST_F(AKeptBody, IsNotStoppedByWhatHadSlowedTheOldConnection) {
  Far& far = served_client();
  backend(0).reads_nothing();
  far.sends(put_head(9) + "abc");
  EXPECT_FALSE(far.wire.reading);
  backend(0).resets();
  EXPECT_THAT(backend(1).got(), EndsWith("\r\n\r\nabc"));
  far.sends("defghi");
  EXPECT_EQ(backend(1).got(), "defghi");
  backend(1).sends(ok);
  EXPECT_EQ(far.got(), ok);
}

TEST_F(AKeptBody, IsKeptOnlyWhereItMayBeNeeded) {
  Far& far = client();
  far.sends(put_head(9) + "abc");  // on a fresh connection
  const std::size_t head_only = worker().blocks.lent();
  far.sends("defghi");
  backend(0).sends(ok);
  static_cast<void>(far.got());
  far.sends(put_head(9) + "abc");
  EXPECT_EQ(worker().blocks.lent(), head_only + 1);
  far.sends("defghi");
  backend(0).sends("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n");
  EXPECT_EQ(worker().blocks.lent(), head_only - 1);  // neither is needed any more
}

TEST_F(AKeptBody, IsNotKeptByDefault) {
  upstream.replay = {};
  Far& far = served_client();
  far.sends(put_head(9) + "abc");
  EXPECT_EQ(worker().blocks.lent(), 1U);  // the head
}

// How often requests are sent twice at most.
class TheReplayBudget : public ProxyTest {
 protected:
  // The status of a GET that met a stale connection.
  std::string stale_get() {
    Far& far = served_client();
    // Behind another number of answers each time, since the same one twice would be learned.
    if (++stale_gets_ % 2 == 0) {
      far.sends(get);
      backend(backends() - 1).sends(ok);
      static_cast<void>(far.got());
    }
    far.sends(get);
    Far& stale = backend(backends() - 1);
    stale.ends();
    if (backends() > 0 && backend(backends() - 1).open()) {
      backend(backends() - 1)
          .sends("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok");
      backend(backends() - 1).ends();
    }
    return far.got().substr(9, 3);
  }

 private:
  int stale_gets_ = 0;
};

TEST_F(TheReplayBudget, IsTenRepliesASecondAtLeast) {
  for (int i = 0; i < 10; ++i) {
    EXPECT_EQ(stale_get(), "200");
  }
  // Each had come after one or two that were served: three were earned by thirty requests.
  EXPECT_EQ(stale_get(), "200");
  EXPECT_EQ(stale_get(), "200");
  EXPECT_EQ(stale_get(), "200");
  EXPECT_EQ(stale_get(), "502");
  EXPECT_EQ(counters().replays, 13U);
  EXPECT_EQ(counters().replays_refused, 1U);
  advance(1s);
  EXPECT_EQ(stale_get(), "200");
}

TEST_F(TheReplayBudget, OfNothingStillLetsARequestGoThatWasNotSent) {
  upstream.replay.budget = 0;
  EXPECT_EQ(stale_get(), "502");
  EXPECT_EQ(counters().replays_refused, 1U);
  Far& far = served_client();
  backend(backends() - 1).wire.takes_no_write = true;
  far.sends(get);
  backend(backends() - 1).sends(ok);
  EXPECT_EQ(far.got(), ok);
  EXPECT_EQ(counters().replays, 1U);
}

TEST_F(TheReplayBudget, CountsAReplayThatFailsToo) {
  Far& far = served_client();
  far.sends(get);
  backend(0).ends();
  backend(1).ends();
  EXPECT_THAT(far.got(), StartsWith("HTTP/1.1 502 "));
  EXPECT_EQ(counters().replays, 1U);
  EXPECT_EQ(counters().replays_failed, 1U);
  EXPECT_EQ(counters().replays_answered, 0U);
}

TEST_F(TheReplayBudget, LetsAReplayThatFoundNoServerGoToAnother) {
  upstream.servers = {"10.0.0.1:80", "10.0.0.2:80"};
  Far& far = served_client();
  far.sends(get_of("/other"));  // on the second server
  backend(1).sends(ok);
  static_cast<void>(far.got());
  far.sends(get_of("/it"));
  server("10.0.0.1:80").refuses_later = ECONNREFUSED;
  backend(0).ends();
  EXPECT_THAT(backend(backends() - 1).got(), StartsWith("GET /it "));
  EXPECT_EQ(backend(backends() - 1).wire.address, "10.0.0.2:80");
  backend(backends() - 1).sends(ok);
  EXPECT_EQ(far.got(), ok);
}

}  // namespace
}  // namespace holdfast
