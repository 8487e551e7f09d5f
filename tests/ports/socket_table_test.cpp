#include "ports/socket_table.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>

#include <string>

namespace holdfast {
namespace {

SocketEnd v4_end(const char* address, std::uint16_t port) {
  sockaddr_in raw{};
  raw.sin_family = AF_INET;
  raw.sin_port = htons(port);
  EXPECT_EQ(inet_pton(AF_INET, address, &raw.sin_addr), 1);
  return SocketEnd::of(reinterpret_cast<const sockaddr&>(raw));
}

SocketEnd v6_end(const char* address, std::uint16_t port) {
  sockaddr_in6 raw{};
  raw.sin6_family = AF_INET6;
  raw.sin6_port = htons(port);
  EXPECT_EQ(inet_pton(AF_INET6, address, &raw.sin6_addr), 1);
  return SocketEnd::of(reinterpret_cast<const sockaddr&>(raw));
}

constexpr const char* v4_table =
    "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid\n"
    "   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0\n"
    "   1: 0100007F:1F90 0100007F:9C40 06 00000000:00000000 03:00000A5B 00000000     0\n"
    "   2: 0100007F:9C41 0100007F:1F90 06 00000000:00000000 03:00000A5B 00000000     0\n"
    "   3: 0100007F:9C42 0100007F:1F90 01 00000000:00000000 00:00000000 00000000     0\n"
    "   4: 0100007F:1F90 0100007F:9C42 01 00000000:00000000 00:00000000 00000000     0\n"
    "   5: 0100007F:9C43 0200007F:1F90 06 00000000:00000000 03:00000A5B 00000000     0\n";

// The words of an address are printed in the machine's byte order, so these rows are those of a
// little-endian machine, as all that Debian 12 runs on but one.
TEST(SocketTable, ReadsAnIpv4Row) {
  const auto entry = parse_socket_entry(
      "   2: 0100007F:9C41 0100007F:1F90 06 00000000:00000000 03:00000A5B 00000000");
  ASSERT_TRUE(entry);
  EXPECT_EQ(entry->local, v4_end("127.0.0.1", 40001));
  EXPECT_EQ(entry->remote, v4_end("127.0.0.1", 8080));
  EXPECT_EQ(entry->state, SocketState::time_wait);
}

TEST(SocketTable, ReadsAnIpv6Row) {
  const auto entry = parse_socket_entry(
      "  0: B80D0120000000000000000001000000:1F90 00000000000000000000000001000000:9C40 01 0:0");
  ASSERT_TRUE(entry);
  EXPECT_EQ(entry->local, v6_end("2001:db8::1", 8080));
  EXPECT_EQ(entry->remote, v6_end("::1", 40000));
  EXPECT_EQ(entry->state, SocketState::established);
}

TEST(SocketTable, TakesAMappedIpv4AddressForTheSameEnd) {
  const auto entry = parse_socket_entry(
      "  0: 0000000000000000FFFF00000100007F:1F90 0000000000000000FFFF00000100007F:9C40 06 0:0");
  ASSERT_TRUE(entry);
  EXPECT_EQ(entry->local, v4_end("127.0.0.1", 8080));
}

TEST(SocketTable, SkipsWhatIsNoRow) {
  EXPECT_FALSE(parse_socket_entry(""));
  EXPECT_FALSE(parse_socket_entry("  sl  local_address rem_address   st"));
  EXPECT_FALSE(parse_socket_entry("  0: 0100007F:1F90"));
  EXPECT_FALSE(parse_socket_entry("  0: 0100007F:1F90 00000000:0000 FF"));
  EXPECT_FALSE(parse_socket_entry("  0: 0100007F:1F90 00000000:0000 00"));
  EXPECT_FALSE(parse_socket_entry("  0: 01007F:1F90 00000000:0000 06"));
}

TEST(SocketTable, CountsOneDestinationBySideAndState) {
  DestinationUse use;
  count_destination(v4_table, v4_end("127.0.0.1", 8080), use);
  EXPECT_EQ(use.at.of(SocketState::listening), 1U);
  EXPECT_EQ(use.at.of(SocketState::time_wait), 1U);
  EXPECT_EQ(use.towards.of(SocketState::time_wait), 1U);
  EXPECT_EQ(use.towards.of(SocketState::established), 1U);
  EXPECT_EQ(use.at.of(SocketState::established), 1U);
  EXPECT_EQ(use.time_wait(), 2U);
}

TEST(SocketTable, NotesTheCallersPorts) {
  DestinationUse use;
  count_destination(v4_table, v4_end("127.0.0.1", 8080), use);
  EXPECT_EQ(use.callers.count(), 3U);
  EXPECT_TRUE(use.callers.test(40000));
  EXPECT_TRUE(use.callers.test(40001));
  EXPECT_TRUE(use.callers.test(40002));
}

TEST(SocketTable, ReadsATableWhoseLastLineIsCut) {
  const std::string table = std::string(v4_table) + "   6: 0100007F:1F9";
  DestinationUse use;
  count_destination(table, v4_end("127.0.0.1", 8080), use);
  EXPECT_EQ(use.time_wait(), 2U);
}

TEST(SocketTable, ReadsTheTablesOfThisMachine) {
  EXPECT_TRUE(read_destination_use(v4_end("127.0.0.1", 1)));
}

}  // namespace
}  // namespace holdfast
