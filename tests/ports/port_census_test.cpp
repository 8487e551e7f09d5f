#include "ports/port_census.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>

#include <string>

namespace holdfast {
namespace {

// Rows of /proc/net/tcp, whose addresses are words in the byte order of the machine.
constexpr const char* near = "0100000A";        // 10.0.0.1 on a little-endian machine
constexpr const char* other_near = "0200000A";  // 10.0.0.2
constexpr const char* far = "0500000A";         // 10.0.0.5
constexpr const char* anybody = "00000000";

std::string row(const std::string& local, const std::string& remote, const char* state) {
  return "   0: " + local + " " + remote + " " + state + " 00000000:00000000 00:00000000\n";
}

std::string end(const char* address, unsigned port) {
  char text[16];
  static_cast<void>(snprintf(text, sizeof text, "%s:%04X", address, port));
  return text;
}

const EphemeralRange range = *EphemeralRange::parse("40000 49999", "");

TEST(PortCensus, CountsWhatEachDestinationTakes) {
  const std::string table =
      row(end(near, 40000), end(far, 80), "06") + row(end(near, 40001), end(far, 80), "06") +
      row(end(near, 40002), end(far, 80), "01") + row(end(near, 40000), end(far, 81), "01");
  const PortCensus census = count_ports(table, "", range);
  ASSERT_EQ(census.destinations.size(), 2U);
  EXPECT_EQ(census.destinations[0].to.port, 80);
  EXPECT_EQ(census.destinations[0].time_wait, 2U);
  EXPECT_EQ(census.destinations[0].open, 1U);
  EXPECT_EQ(census.destinations[1].to.port, 81);
  EXPECT_EQ(census.destinations[1].all(), 1U);
  EXPECT_EQ(census.time_wait_towards, 2U);
}

TEST(PortCensus, KeepsSourceAddressesApart) {
  const std::string table =
      row(end(near, 40000), end(far, 80), "06") + row(end(other_near, 40000), end(far, 80), "06");
  EXPECT_EQ(count_ports(table, "", range).destinations.size(), 2U);
}

TEST(PortCensus, TakesConnectionsToAListeningPortForThoseOfOthers) {
  const std::string table = row(end(anybody, 40080), end(anybody, 0), "0A") +
                            row(end(near, 40080), end(far, 41000), "06") +
                            row(end(near, 40080), end(far, 41001), "01");
  const PortCensus census = count_ports(table, "", range);
  EXPECT_TRUE(census.destinations.empty());
  EXPECT_EQ(census.time_wait_at, 1U);
  EXPECT_EQ(census.time_wait_towards, 0U);
}

TEST(PortCensus, PassesOverPortsThatWereChosen) {
  EXPECT_TRUE(
      count_ports(row(end(near, 80), end(far, 41000), "06"), "", range).destinations.empty());
}

TEST(PortCensus, ReadsThisMachine) {
  const auto own = EphemeralRange::read();
  ASSERT_TRUE(own);
  EXPECT_TRUE(read_port_census(*own));
}

}  // namespace
}  // namespace holdfast
