#include "ports/kernel_settings.h"

#include <gtest/gtest.h>

namespace holdfast {
namespace {

constexpr std::string_view netstat =
    "TcpExt: SyncookiesSent TCPTimeWaitOverflow ListenOverflows\n"
    "TcpExt: 1 23 456\n"
    "IpExt: InNoRoutes ListenOverflows\n"
    "IpExt: 7 8\n";

TEST(KernelCounters, AreFoundByGroupAndName) {
  EXPECT_EQ(find_counter(netstat, "TcpExt:", "TCPTimeWaitOverflow"), 23U);
  EXPECT_EQ(find_counter(netstat, "TcpExt:", "ListenOverflows"), 456U);
  EXPECT_EQ(find_counter(netstat, "IpExt:", "ListenOverflows"), 8U);
}

TEST(KernelCounters, AreAbsentWhereTheKernelHasNone) {
  EXPECT_FALSE(find_counter(netstat, "TcpExt:", "TCPTimeWait"));
  EXPECT_FALSE(find_counter(netstat, "MPTcpExt:", "ListenOverflows"));
  EXPECT_FALSE(find_counter("", "TcpExt:", "ListenOverflows"));
}

TEST(KernelCounters, AreAbsentFromACutText) {
  for (std::size_t length = 0; length < netstat.find("456"); ++length) {
    EXPECT_FALSE(find_counter(netstat.substr(0, length), "TcpExt:", "ListenOverflows")) << length;
  }
}

TEST(KernelSettings, AreThoseOfThisMachine) {
  const KernelSettings settings = read_kernel_settings();
  ASSERT_TRUE(settings.first_port && settings.last_port);
  EXPECT_LT(*settings.first_port, *settings.last_port);
  EXPECT_TRUE(settings.max_tw_buckets);
  EXPECT_TRUE(settings.somaxconn);
  EXPECT_FALSE(settings.tw_recycle);
  EXPECT_TRUE(read_kernel_counters().time_wait_overflow);
}

}  // namespace
}  // namespace holdfast
