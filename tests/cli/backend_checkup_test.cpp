#include "cli/backend_checkup.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>

#include "cli/findings.h"

namespace holdfast {
namespace {

using testing::HasSubstr;

const SocketAddress backend_address = *SocketAddress::parse("10.0.0.5:80");

// nginx with keepalive_timeout 7s and keepalive_requests 50.
BackendFacts a_backend() {
  BackendFacts facts;
  facts.server = "10.0.0.5:80";
  facts.attempts = {{backend_address, std::nullopt}};
  facts.asked = backend_address;
  facts.connected_in = 400us;
  facts.http11.answer = {.version = Version::http11,
                         .status = 200,
                         .body = BodyKind::length,
                         .body_bytes = 612,
                         .keeps = true,
                         .bound = false,
                         .promised_idle = {},
                         .server = "nginx",
                         .took = 2ms};
  facts.http11.again = true;
  facts.http10 = facts.http11;
  facts.closes_when_asked = true;
  facts.idle = {.watched = 4, .ages = {7s, 7s, 7s, 7100ms}, .watched_for = {}};
  facts.requests = {
      .answered = 50, .ended = true, .announced = true, .failure = {}, .mean_latency = 1500us};
  return facts;
}

BackendFacts one_that_closes(Version version, BodyKind body) {
  BackendFacts facts = a_backend();
  facts.http11.answer.version = version;
  facts.http11.answer.body = body;
  facts.http11.answer.keeps = facts.http11.again = facts.http10.again = false;
  facts.idle.reset();
  facts.requests.reset();
  facts.closes_when_asked.reset();
  return facts;
}

Finding judged(const BackendFacts& facts, std::string_view check) {
  return finding(judge_backend(facts, ProbeSettings()), check);
}

std::string value_of(const PoolAdvice& advice, std::string_view name) {
  for (const PoolAdvice::Key& key : advice.keys) {
    if (key.name == name) {
      return key.value;
    }
  }
  return "absent";
}

MachineFacts a_machine_with_ports() {
  MachineFacts machine;
  machine.range = EphemeralRange::parse("32768 60999", "");
  return machine;
}

TEST(BackendCheckup, FindsABackendThatKeepsConnectionsHealthy) {
  const Chapter chapter = judge_backend(a_backend(), ProbeSettings());
  EXPECT_EQ(chapter.verdict(), Verdict::healthy);
  EXPECT_THAT(finding(chapter, "answer").what, HasSubstr("HTTP/1.1 200"));
  EXPECT_THAT(finding(chapter, "answer").what, HasSubstr("612 bytes"));
  EXPECT_THAT(finding(chapter, "idle_limit").what, HasSubstr("after 7 s"));
  EXPECT_THAT(finding(chapter, "request_limit").what, HasSubstr("after 50 requests, and says so"));
}

TEST(BackendCheckup, SaysWhyABackendCannotBeReached) {
  BackendFacts facts = a_backend();
  facts.asked.reset();
  const std::pair<Error, const char*> rows[] = {
      {make_error(ErrorCode::connect_refused, ECONNREFUSED), "nobody listens"},
      {make_error(ErrorCode::connect_timeout), "within 5 s"},
      {make_error(ErrorCode::out_of_ports, EADDRNOTAVAIL), "no local port"},
      {make_error(ErrorCode::connect_failed, EHOSTUNREACH), "No route to host"},
  };
  for (const auto& [error, words] : rows) {
    facts.attempts = {{backend_address, error}};
    const Finding found = judged(facts, "reach");
    EXPECT_EQ(found.verdict, Verdict::sick);
    EXPECT_THAT(found.what, HasSubstr(words));
    EXPECT_FALSE(found.advice.empty());
    EXPECT_FALSE(advise_pool(facts, {}));
  }
}

TEST(BackendCheckup, WarnsIfOneOfSeveralAddressesIsDead) {
  BackendFacts facts = a_backend();
  facts.attempts.push_back(
      {*SocketAddress::parse("10.0.0.6:80"), make_error(ErrorCode::connect_refused, ECONNREFUSED)});
  const Finding found = judged(facts, "reach");
  EXPECT_EQ(found.verdict, Verdict::warning);
  EXPECT_THAT(found.what, HasSubstr("1 of its 2 addresses"));
  EXPECT_THAT(found.details.at(0), HasSubstr("10.0.0.6:80"));
}

TEST(BackendCheckup, NamesANameThatDoesNotResolve) {
  BackendFacts facts;
  facts.server = "nosuch.invalid:80";
  facts.name_error = "there is no such name";
  const Chapter chapter = judge_backend(facts, ProbeSettings());
  ASSERT_EQ(chapter.findings.size(), 1U);
  EXPECT_EQ(chapter.findings[0].what,
            "nosuch.invalid:80: the name does not resolve: there is no such name.");
  EXPECT_THAT(chapter.findings[0].advice, HasSubstr("getent ahosts nosuch.invalid"));
}

TEST(BackendCheckup, SaysWhatCameInsteadOfAnAnswer) {
  BackendFacts facts = a_backend();
  const std::pair<ErrorCode, const char*> rows[] = {
      {ErrorCode::response_timeout, "did not answer GET / within 5 s"},
      {ErrorCode::response_stalled, "had not finished after 5 s"},
      {ErrorCode::upstream_closed, "closed it without an answer"},
      {ErrorCode::response_incomplete, "Cut its answer"},
      {ErrorCode::malformed_response, "is not HTTP/1.0 or HTTP/1.1"},
  };
  for (const auto& [code, words] : rows) {
    facts.http11.failure = facts.http10.failure = make_error(code);
    const Finding found = judged(facts, "answer");
    EXPECT_EQ(found.verdict, Verdict::sick);
    EXPECT_THAT(found.what, HasSubstr(words));
    EXPECT_FALSE(found.advice.empty());
  }
}

TEST(BackendCheckup, SaysWhyConnectionsCannotBePooled) {
  EXPECT_THAT(judged(one_that_closes(Version::http10, BodyKind::length), "keep_alive").what,
              HasSubstr("speaks HTTP/1.0 without keep-alive"));
  EXPECT_THAT(judged(one_that_closes(Version::http11, BodyKind::length), "keep_alive").what,
              HasSubstr("closes after each answer"));
  EXPECT_THAT(judged(one_that_closes(Version::http10, BodyKind::until_close), "keep_alive").what,
              HasSubstr("end with the connection"));
  BackendFacts liar = one_that_closes(Version::http11, BodyKind::length);
  liar.http11.answer.keeps = true;
  EXPECT_THAT(judged(liar, "keep_alive").what, HasSubstr("promises"));
  EXPECT_EQ(judged(liar, "keep_alive").verdict, Verdict::warning);
  EXPECT_EQ(value_of(*advise_pool(liar, {}), "idle_timeout"), "absent");
}

TEST(BackendCheckup, TellsOfABackendThatKeepsOnlyHttp10) {
  BackendFacts facts = a_backend();
  facts.http11.again = false;
  EXPECT_THAT(judged(facts, "keep_alive").advice, HasSubstr("protocol: http/1.0"));
}

TEST(BackendCheckup, WarnsIfItClosesSoonerThanItSays) {
  BackendFacts facts = a_backend();
  facts.http10.answer.promised_idle = 60s;
  EXPECT_EQ(judged(facts, "idle_limit").verdict, Verdict::warning);
  EXPECT_EQ(idle_limit_of(facts), Duration(7s));
  facts.http10.answer.promised_idle = 7s;
  EXPECT_EQ(judged(facts, "idle_limit").verdict, Verdict::healthy);
}

TEST(BackendCheckup, BelievesTheFieldWhereNothingWasMeasured) {
  BackendFacts facts = a_backend();
  facts.idle.reset();
  facts.http11.answer.promised_idle = 5s;
  EXPECT_EQ(judged(facts, "idle_limit").verdict, Verdict::note);
  EXPECT_THAT(judged(facts, "idle_limit").what, HasSubstr("says 5 s"));
  EXPECT_EQ(value_of(*advise_pool(facts, {}), "idle_timeout"), "4s");
}

TEST(BackendCheckup, WarnsOfTightLimits) {
  BackendFacts facts = a_backend();
  facts.idle->ages = {1s};
  facts.requests->answered = 5;
  facts.http11.answer.bound = true;
  facts.closes_when_asked = false;
  facts.http11.answer.status = 503;
  for (const char* check :
       {"idle_limit", "request_limit", "login", "closes_when_asked", "answer"}) {
    EXPECT_EQ(judged(facts, check).verdict, Verdict::warning) << check;
  }
}

TEST(BackendCheckup, KeepsToTheWorkersOfABackend) {
  BackendFacts facts = a_backend();
  facts.most_side_by_side = 2;
  EXPECT_EQ(judged(facts, "side_by_side").verdict, Verdict::warning);
  EXPECT_THAT(judged(facts, "side_by_side").what, HasSubstr("2 connections at a time"));
  EXPECT_EQ(
      value_of(*advise_pool(facts, {.requests_per_second = 200, .latency = 1s}), "max_connections"),
      "2");
}

TEST(BackendCheckup, DoesNotTakeAFailureForALimit) {
  BackendFacts facts = a_backend();
  facts.requests = {.answered = 30,
                    .ended = false,
                    .announced = false,
                    .failure = make_error(ErrorCode::response_timeout)};
  EXPECT_EQ(judged(facts, "request_limit").verdict, Verdict::warning);
  EXPECT_EQ(value_of(*advise_pool(facts, {}), "max_requests"), "absent");
}

TEST(BackendCheckup, AdvisesAPoolWithinTheLimits) {
  const PoolAdvice advice =
      *advise_pool(a_backend(), {.requests_per_second = 200, .latency = 50ms});
  EXPECT_EQ(value_of(advice, "max_connections"), "23");
  EXPECT_EQ(value_of(advice, "idle_timeout"), "6s");
  EXPECT_EQ(value_of(advice, "max_requests"), "50");
}

TEST(BackendCheckup, AdvisesNoMoreThanWasSeenToHold) {
  BackendFacts facts = a_backend();
  facts.idle = {.watched = 4, .ages = {}, .watched_for = 75s};
  facts.requests->ended = false;
  EXPECT_EQ(value_of(*advise_pool(facts, {}), "idle_timeout"), "1m");
  EXPECT_EQ(value_of(*advise_pool(facts, {}), "max_requests"), "absent");
  facts.idle->watched_for = 10s;
  EXPECT_EQ(value_of(*advise_pool(facts, {}), "idle_timeout"), "9s");
}

TEST(BackendCheckup, SaysLittlesLawInWords) {
  const Finding found = judge_load(a_backend(), {.requests_per_second = 200, .latency = 50ms},
                                   a_machine_with_ports());
  EXPECT_THAT(found.what, HasSubstr("200 requests a second, 50 ms each, are 10.0 at a time"));
  EXPECT_THAT(found.advice, HasSubstr("23 connections"));
  EXPECT_THAT(found.advice, HasSubstr("12000 of 28232 ports"));
  const Finding more =
      judge_load(a_backend(), {.requests_per_second = 1000, .latency = {}}, a_machine_with_ports());
  EXPECT_THAT(more.what, HasSubstr("1.5 ms as measured just now"));
  EXPECT_THAT(more.advice, HasSubstr("more than the 470 a second"));
}

}  // namespace
}  // namespace holdfast
