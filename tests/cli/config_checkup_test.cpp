#include "cli/config_checkup.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/findings.h"
#include "config/load.h"

namespace holdfast {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

Config config_of(const std::string& upstreams) {
  const LoadOutcome outcome = load_text(
      "test", "listeners: { web: { address: \":0\", upstream: a } }\nupstreams:\n" + upstreams,
      [](const std::string&) { return std::nullopt; });
  EXPECT_TRUE(outcome.config) << render_all(outcome, Colour::never);
  return outcome.config.value_or(Config());
}

MachineFacts a_roomy_machine() {
  MachineFacts machine;
  machine.range = EphemeralRange::parse("32768 60999", "");
  machine.soft_descriptors = machine.hard_descriptors = 524288;
  return machine;
}

// One that keeps connections, closes idle ones after 7 s, and each after 50 requests.
BackendFacts a_backend(const std::string& server) {
  BackendFacts facts;
  facts.server = server;
  facts.asked = SocketAddress::parse(server);
  facts.attempts = {{*facts.asked, std::nullopt}};
  facts.http11.answer.status = 200;
  facts.http11.answer.keeps = facts.http11.again = facts.http10.again = true;
  facts.idle = {.watched = 4, .ages = {7s, 7s, 7s, 7s}, .watched_for = {}};
  facts.requests = {.answered = 50, .ended = true, .announced = false};
  return facts;
}

// What is said of the only server of this upstream.
Finding judged(const std::string& upstream, std::string_view check) {
  const Config config = config_of("  a: { servers: [\"10.0.0.5:80\"], " + upstream + " }\n");
  const auto servers = servers_of(config, ProbeSettings());
  return finding(judge_server(servers.at(0), a_backend("10.0.0.5:80")), check);
}

TEST(ConfigCheckup, AsksEachServerWithTheHostOfItsUpstream) {
  const Config config = config_of(
      "  a: { servers: [\"10.0.0.5:80\", \"10.0.0.6:80\"], host: shop.example }\n"
      "  b: { servers: [\"10.0.0.7:80\"] }\n");
  std::vector<std::string> asked;
  for (const ConfiguredServer& one : servers_of(config, ProbeSettings())) {
    asked.push_back(one.upstream->name + " " + one.server + " " + one.probe.host);
  }
  EXPECT_THAT(asked, ElementsAre("a 10.0.0.5:80 shop.example", "a 10.0.0.6:80 shop.example",
                                 "b 10.0.0.7:80 "));
}

TEST(ConfigCheckup, PrefersTheHostThatWasGiven) {
  const Config config = config_of("  a: { servers: [\"10.0.0.5:80\"], host: shop.example }\n");
  ProbeSettings settings;
  settings.host = "other.example";
  EXPECT_EQ(servers_of(config, settings).at(0).probe.host, "other.example");
}

TEST(ConfigCheckup, WarnsOfAnIdleTimeoutThatTheBackendDoesNotWaitFor) {
  const Finding longer = judged("pool: { idle_timeout: 1m }", "idle_timeout");
  EXPECT_EQ(longer.verdict, Verdict::warning);
  EXPECT_THAT(longer.what, HasSubstr("is 1m; the backend closes after 7 s"));
  EXPECT_THAT(longer.advice, HasSubstr("Write idle_timeout: 6s"));
  EXPECT_EQ(judged("pool: { idle_timeout: 0 }", "idle_timeout").verdict, Verdict::warning);
  EXPECT_EQ(judged("pool: { idle_timeout: 6s }", "idle_timeout").verdict, Verdict::healthy);
}

TEST(ConfigCheckup, LeavesAnIdleTimeoutThatIsLearnedToItself) {
  Config config = config_of("  a: { servers: [\"10.0.0.5:80\"] }\n");
  config.upstreams.front().pool.idle_timeout = Duration(-1);
  const auto servers = servers_of(config, ProbeSettings());
  const Finding found =
      finding(judge_server(servers.at(0), a_backend("10.0.0.5:80")), "idle_timeout");
  EXPECT_EQ(found.verdict, Verdict::healthy);
  EXPECT_THAT(found.what, HasSubstr("is auto; the backend closes after 7 s"));
}

TEST(ConfigCheckup, WarnsOfARequestLimitThatComesWithoutAWord) {
  const Finding none = judged("pool: { max_requests: 0 }", "max_requests");
  EXPECT_EQ(none.verdict, Verdict::warning);
  EXPECT_THAT(none.advice, HasSubstr("Write max_requests: 50"));
  EXPECT_EQ(judged("pool: { max_requests: 51 }", "max_requests").verdict, Verdict::warning);
  EXPECT_EQ(judged("pool: { max_requests: 50 }", "max_requests").verdict, Verdict::healthy);
}

TEST(ConfigCheckup, CountsDescriptors) {
  const Config config = config_of("  a: { servers: [\"10.0.0.5:80\"] }\n");
  MachineFacts machine = a_roomy_machine();
  EXPECT_EQ(finding(judge_config("f", config, machine), "descriptor_needs").verdict,
            Verdict::healthy);
  machine.hard_descriptors = 4096;
  EXPECT_EQ(finding(judge_config("f", config, machine), "descriptor_needs").verdict,
            Verdict::warning);
  machine.hard_descriptors = 256;
  EXPECT_EQ(finding(judge_config("f", config, machine), "descriptor_needs").verdict, Verdict::sick);
}

TEST(ConfigCheckup, WarnsOfMoreWorkersThanCpus) {
  Config config = config_of("  a: { servers: [\"10.0.0.5:80\"] }\n");
  config.workers = 10'000;
  EXPECT_EQ(finding(judge_config("f", config, a_roomy_machine()), "workers").verdict,
            Verdict::warning);
  config.workers = 1;
  EXPECT_EQ(finding(judge_config("f", config, a_roomy_machine()), "workers").verdict,
            Verdict::healthy);
}

TEST(ConfigCheckup, AddsUpThePoolsThatLeadToOneDestination) {
  const Config config = config_of(
      "  a: { servers: [\"10.0.0.5:80\"], pool: { max_connections: 100 } }\n"
      "  b: { servers: [\"10.0.0.5:80\"], pool: { max_connections: 50 } }\n");
  const auto servers = servers_of(config, ProbeSettings());
  const std::vector<BackendFacts> facts(2, a_backend("10.0.0.5:80"));
  MachineFacts machine = a_roomy_machine();
  Chapter chapter = judge_port_needs(servers, facts, machine);
  ASSERT_EQ(chapter.findings.size(), 1U);
  EXPECT_THAT(chapter.findings[0].what, HasSubstr("up to 150 connections, 28232 local ports"));
  EXPECT_EQ(chapter.verdict(), Verdict::healthy);
  machine.range = EphemeralRange::parse("40000 40199", "");
  EXPECT_EQ(judge_port_needs(servers, facts, machine).verdict(), Verdict::warning);
  machine.range = EphemeralRange::parse("40000 40099", "");
  EXPECT_EQ(judge_port_needs(servers, facts, machine).verdict(), Verdict::sick);
}

TEST(ConfigCheckup, NeedsNoPortsForUnixSockets) {
  const Config config = config_of("  a: { servers: [\"unix:/run/app.sock\"] }\n");
  const auto servers = servers_of(config, ProbeSettings());
  const std::vector<BackendFacts> facts = {a_backend("unix:/run/app.sock")};
  EXPECT_TRUE(judge_port_needs(servers, facts, a_roomy_machine()).findings.empty());
}

}  // namespace
}  // namespace holdfast
