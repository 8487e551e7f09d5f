#include "cli/machine_checkup.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "cli/findings.h"
#include "net/address.h"

namespace holdfast {
namespace {

using testing::HasSubstr;

SocketEnd end(std::string_view address) {
  return SocketEnd::of(SocketAddress::parse(address)->raw());
}

MachineFacts a_machine() {
  MachineFacts facts;
  facts.range = EphemeralRange::parse("32768 60999", "");
  facts.census = PortCensus();
  facts.settings = {.first_port = 32768,
                    .last_port = 60999,
                    .tw_reuse = 2,
                    .timestamps = 1,
                    .max_tw_buckets = 131072,
                    .fin_timeout = 60,
                    .tw_recycle = {},
                    .tw_timeout = {},
                    .somaxconn = 4096,
                    .conntrack_max = {},
                    .conntrack_count = {}};
  facts.counters = {.time_wait_overflow = 0, .listen_overflows = 0};
  facts.soft_descriptors = 1024;
  facts.hard_descriptors = 524288;
  return facts;
}

MachineFacts with_few_ports() {
  MachineFacts facts = a_machine();
  facts.range = EphemeralRange::parse("40000 40199", "40010-40019");
  facts.settings.first_port = 40000;
  facts.settings.last_port = 40199;
  return facts;
}

void add(MachineFacts& facts, std::string_view to, std::size_t time_wait, std::size_t open) {
  facts.census->destinations.push_back(
      {.from = end("10.0.0.1:0"), .to = end(to), .time_wait = time_wait, .open = open});
  facts.census->time_wait_towards += time_wait;
}

TEST(MachineCheckup, FindsAMachineAsItComesHealthy) {
  const Chapter chapter = judge_machine(a_machine());
  for (const Finding& one : chapter.findings) {
    EXPECT_EQ(one.verdict, Verdict::healthy) << one.check;
    EXPECT_FALSE(one.what.empty() || one.advice.empty()) << one.check;
  }
  EXPECT_THAT(finding(chapter, "local_ports").what, HasSubstr("28232 local ports"));
  EXPECT_THAT(finding(chapter, "local_ports").advice, HasSubstr("470 new connections a second"));
}

TEST(MachineCheckup, TellsOfASmallRangeWithoutItsReservedPorts) {
  const Finding ports = finding(judge_machine(with_few_ports()), "local_ports");
  EXPECT_EQ(ports.verdict, Verdict::sick);
  EXPECT_THAT(ports.what, HasSubstr("190 local ports"));
  EXPECT_THAT(ports.what, HasSubstr("10 of them reserved"));
  EXPECT_THAT(ports.advice, HasSubstr("for 3 new connections a second"));
}

TEST(MachineCheckup, NamesTheDestinationThatRunsOutOfPorts) {
  MachineFacts facts = with_few_ports();
  add(facts, "10.0.0.5:80", 170, 10);
  const Finding found = finding(judge_machine(facts), "time_wait");
  EXPECT_EQ(found.verdict, Verdict::sick);
  ASSERT_EQ(found.details.size(), 1U);
  EXPECT_EQ(found.details[0],
            "10.0.0.5:80 from 10.0.0.1: 170 TIME_WAIT and 10 open: 94 % of its ports");
  EXPECT_THAT(found.advice, HasSubstr("EADDRNOTAVAIL"));
}

TEST(MachineCheckup, WarnsOfADestinationThatHasTakenHalf) {
  MachineFacts facts = with_few_ports();
  add(facts, "10.0.0.5:80", 100, 0);
  EXPECT_EQ(finding(judge_machine(facts), "time_wait").verdict, Verdict::warning);
}

TEST(MachineCheckup, DoesNotFearTimeWaitThatIsUsedAgain) {
  MachineFacts facts = with_few_ports();
  add(facts, "127.0.0.1:80", 190, 0);
  Finding found = finding(judge_machine(facts), "time_wait");
  EXPECT_EQ(found.verdict, Verdict::healthy);
  EXPECT_THAT(found.details[0], HasSubstr("used again after 1 s"));

  facts.settings.tw_reuse = 0;
  EXPECT_EQ(finding(judge_machine(facts), "time_wait").verdict, Verdict::sick);
}

TEST(MachineCheckup, ShowsFiveDestinationsAtMost) {
  MachineFacts facts = a_machine();
  for (int i = 0; i < 7; ++i) {
    add(facts, "10.0.0.5:80", 1000, 0);
  }
  EXPECT_EQ(finding(judge_machine(facts), "time_wait").details.size(), 5U);
}

TEST(MachineCheckup, ShowsOneDestinationWhereAllTakeLittle) {
  MachineFacts facts = a_machine();
  add(facts, "10.0.0.5:80", 1, 0);
  add(facts, "10.0.0.6:80", 1, 0);
  const Finding found = finding(judge_machine(facts), "time_wait");
  ASSERT_EQ(found.details.size(), 1U);
  EXPECT_THAT(found.details[0], HasSubstr("under 1 %"));
}

TEST(MachineCheckup, SaysWhatEachValueOfReuseDoes) {
  MachineFacts facts = a_machine();
  EXPECT_THAT(finding(judge_machine(facts), "tcp_tw_reuse").what, HasSubstr("loopback"));
  facts.settings.tw_reuse = 1;
  EXPECT_THAT(finding(judge_machine(facts), "tcp_tw_reuse").what, HasSubstr("timestamps"));
  facts.settings.timestamps = 0;
  EXPECT_EQ(finding(judge_machine(facts), "tcp_tw_reuse").verdict, Verdict::warning);
  facts.settings.tw_reuse = 0;
  EXPECT_THAT(finding(judge_machine(facts), "tcp_tw_reuse").what, HasSubstr("60 s"));
}

TEST(MachineCheckup, WarnsOfTimeWaitThatWasForgotten) {
  MachineFacts facts = a_machine();
  facts.counters.time_wait_overflow = 17;
  const Finding found = finding(judge_machine(facts), "tcp_max_tw_buckets");
  EXPECT_EQ(found.verdict, Verdict::warning);
  EXPECT_THAT(found.what, HasSubstr("17 were forgotten"));
}

TEST(MachineCheckup, WarnsOfSmallLimits) {
  MachineFacts facts = a_machine();
  facts.settings.somaxconn = 128;
  facts.hard_descriptors = 1024;
  facts.settings.conntrack_max = 100;
  facts.settings.conntrack_count = 90;
  const Chapter chapter = judge_machine(facts);
  EXPECT_EQ(finding(chapter, "somaxconn").verdict, Verdict::warning);
  EXPECT_EQ(finding(chapter, "descriptors").verdict, Verdict::warning);
  EXPECT_EQ(finding(chapter, "conntrack").verdict, Verdict::sick);
}

TEST(MachineCheckup, SaysWhatIsNotWorthTurning) {
  MachineFacts facts = a_machine();
  const Chapter chapter = not_worth_turning(facts);
  EXPECT_EQ(chapter.verdict(), Verdict::note);
  EXPECT_THAT(finding(chapter, "tcp_fin_timeout").what, HasSubstr("does not shorten TIME_WAIT"));
  EXPECT_THAT(finding(chapter, "tcp_tw_recycle").what, HasSubstr("gone"));
  EXPECT_THAT(finding(chapter, "tcp_tw_timeout").what, HasSubstr("not in mainline"));

  facts.settings.tw_recycle = 1;
  EXPECT_EQ(not_worth_turning(facts).verdict(), Verdict::sick);
}

TEST(MachineCheckup, SaysLittleWhereNothingCanBeRead) {
  const Chapter chapter = judge_machine(MachineFacts());
  EXPECT_EQ(finding(chapter, "local_ports").verdict, Verdict::note);
  EXPECT_EQ(finding(chapter, "time_wait").check, "absent");
}

TEST(MachineCheckup, WritesEndsAsPeopleDo) {
  EXPECT_EQ(end_text(end("10.0.0.5:80")), "10.0.0.5:80");
  EXPECT_EQ(end_text(end("10.0.0.5:0")), "10.0.0.5");
  EXPECT_EQ(end_text(end("[fd00::1]:80")), "[fd00::1]:80");
}

}  // namespace
}  // namespace holdfast
