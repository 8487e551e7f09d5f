#include "net/address.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>

#include <array>
#include <string>

namespace holdfast {
namespace {

std::string reread(std::string_view text) {
  const auto address = SocketAddress::parse(text);
  return address ? address->text() : "refused";
}

TEST(SocketAddress, ReadsAnIpv4AddressAndItsPort) {
  const auto address = SocketAddress::parse("10.1.2.3:8080");
  ASSERT_TRUE(address);
  EXPECT_FALSE(address->is_v6());
  EXPECT_EQ(address->port(), 8080);
  EXPECT_EQ(address->raw().sa_family, AF_INET);
  EXPECT_EQ(address->raw_bytes(), sizeof(sockaddr_in));
}

TEST(SocketAddress, ReadsAnIpv6AddressAndItsPort) {
  const auto address = SocketAddress::parse("[fd00::1]:443");
  ASSERT_TRUE(address);
  EXPECT_TRUE(address->is_v6());
  EXPECT_EQ(address->port(), 443);
  EXPECT_EQ(address->raw().sa_family, AF_INET6);
  EXPECT_EQ(address->raw_bytes(), sizeof(sockaddr_in6));
}

TEST(SocketAddress, TakesAPortAloneForAllIpv4Addresses) {
  EXPECT_EQ(reread(":8080"), "0.0.0.0:8080");
}

TEST(SocketAddress, WritesWhatItReads) {
  for (const char* text : {"10.1.2.3:80", "0.0.0.0:0", "255.255.255.255:65535", "[::]:1",
                           "[::1]:80", "[2001:db8::ff00:42:8329]:443"}) {
    EXPECT_EQ(reread(text), text);
  }
}

TEST(SocketAddress, WritesAnIpv6AddressInItsShortForm) {
  EXPECT_EQ(reread("[2001:DB8:0:0:0:0:0:1]:80"), "[2001:db8::1]:80");
}

TEST(SocketAddress, ReadsAUnixSocket) {
  const auto file = SocketAddress::parse("unix:/run/app.sock");
  ASSERT_TRUE(file);
  EXPECT_TRUE(file->is_unix());
  EXPECT_EQ(file->file(), "/run/app.sock");
  EXPECT_EQ(file->port(), 0);
  EXPECT_EQ(file->raw_bytes(), offsetof(sockaddr_un, sun_path) + sizeof("/run/app.sock"));
  const auto abstract = SocketAddress::parse("unix:@app");
  ASSERT_TRUE(abstract);
  EXPECT_EQ(abstract->file(), "");
  EXPECT_EQ(abstract->raw_bytes(), offsetof(sockaddr_un, sun_path) + sizeof("app"));
  EXPECT_TRUE(*file == *SocketAddress::parse("unix:/run/app.sock"));
  EXPECT_FALSE(*file == *abstract);
  EXPECT_FALSE(*file == *SocketAddress::parse("0.0.0.0:0"));
}

TEST(SocketAddress, WritesAUnixSocketAsItReadsIt) {
  const std::string longest = "unix:/" + std::string(SocketAddress::max_unix_bytes - 1, 'x');
  EXPECT_EQ(reread("unix:/run/app.sock"), "unix:/run/app.sock");
  EXPECT_EQ(reread("unix:@app"), "unix:@app");
  EXPECT_EQ(reread(longest), longest);
  for (const std::string& text :
       {longest + "x", std::string("unix:"), std::string("unix:/"), std::string("unix:@"),
        std::string("unix:app.sock"), std::string("unix://"), std::string("unix:/a\0b", 9)}) {
    EXPECT_EQ(reread(text), text == "unix://" ? text : "refused") << text;
  }
}

TEST(IpAddress, IsNoneForAClientOfAUnixSocket) {
  char text[IpAddress::max_text];
  EXPECT_EQ(IpAddress::of_unix_client().write_text(text), "unix:");
  EXPECT_TRUE(Network::parse("unix:")->contains(IpAddress::of_unix_client()));
  EXPECT_FALSE(Network::parse("0.0.0.0/0")->contains(IpAddress::of_unix_client()));
  EXPECT_FALSE(Network::parse("::/0")->contains(IpAddress::of_unix_client()));
  EXPECT_FALSE(Network::parse("unix:")->contains(*IpAddress::parse("0.0.0.0")));
}

TEST(SocketAddress, RefusesWhatIsNoAddress) {
  for (const char* text : {"",
                           ":",
                           "80",
                           "10.1.2.3",
                           "10.1.2.3:",
                           "10.1.2.3:x",
                           "10.1.2.3:80x",
                           "10.1.2.3: 80",
                           "10.1.2.3:-1",
                           "10.1.2.3:+1",
                           "10.1.2.3:65536",
                           "10.1.2.3:99999999999",
                           "10.1.2:80",
                           "10.1.2.300:80",
                           " 10.1.2.3:80",
                           "localhost:80",
                           "::1:80",
                           "[::1]",
                           "[]:80",
                           "[::1:80",
                           "::1]:80",
                           "[10.1.2.3]:80",
                           "[::g]:80",
                           "[::1]80",
                           "unix:"}) {
    EXPECT_EQ(reread(text), "refused") << text;
  }
}

TEST(SocketAddress, RefusesAZeroByteInside) {
  using namespace std::string_view_literals;
  EXPECT_EQ(reread("10.1.2.3\0.4:80"sv), "refused");
  EXPECT_EQ(reread("[::1\0x]:80"sv), "refused");
}

TEST(SocketAddress, EqualsOneWithTheSameAddressAndPort) {
  const SocketAddress address = *SocketAddress::parse("10.1.2.3:80");
  EXPECT_TRUE(address == *SocketAddress::parse("10.1.2.3:80"));
  EXPECT_FALSE(address == *SocketAddress::parse("10.1.2.3:81"));
  EXPECT_FALSE(address == *SocketAddress::parse("10.1.2.4:80"));
}

TEST(SocketAddress, DiffersBetweenTheFamilies) {
  EXPECT_FALSE(*SocketAddress::parse("0.0.0.0:80") == *SocketAddress::parse("[::]:80"));
  EXPECT_FALSE(*SocketAddress::parse("[::1]:80") == *SocketAddress::parse("[::2]:80"));
  EXPECT_TRUE(*SocketAddress::parse("[::1]:80") == *SocketAddress::parse("[0:0::1]:80"));
}

TEST(SocketAddress, IsMadeFromWhatTheKernelTells) {
  for (const char* text : {"10.1.2.3:80", "[fd00::1]:443"}) {
    const SocketAddress told = *SocketAddress::parse(text);
    EXPECT_TRUE(SocketAddress(told.raw()) == told);
  }
}

std::string written(const IpAddress& address) {
  std::array<char, IpAddress::max_text> out{};
  return std::string(address.write_text(out.data()));
}

TEST(IpAddress, WritesWhatItReads) {
  for (const char* text :
       {"10.1.2.3", "0.0.0.0", "::1", "fd00::1", "1234:1234:1234:1234:1234:1234:1234:1234"}) {
    const auto address = IpAddress::parse(text);
    ASSERT_TRUE(address) << text;
    EXPECT_EQ(written(*address), text);
  }
}

TEST(IpAddress, WritesEveryByteOfAnIpv4Address) {
  for (int byte = 0; byte < 256; ++byte) {
    const std::string number = std::to_string(byte);
    const std::string text = number + "." + number + "." + number + "." + number;
    EXPECT_EQ(written(*IpAddress::parse(text)), text);
  }
}

TEST(IpAddress, CountsAMappedIpv4AddressAsIpv4) {
  EXPECT_EQ(written(*IpAddress::parse("::ffff:10.1.2.3")), "10.1.2.3");
}

TEST(IpAddress, IsMadeFromWhatTheKernelTells) {
  EXPECT_EQ(written(IpAddress(SocketAddress::parse("10.1.2.3:80")->raw())), "10.1.2.3");
  EXPECT_EQ(written(IpAddress(SocketAddress::parse("[fd00::1]:80")->raw())), "fd00::1");
  EXPECT_EQ(written(IpAddress(SocketAddress::parse("[::ffff:10.1.2.3]:80")->raw())), "10.1.2.3");
}

TEST(IpAddress, RefusesWhatIsNoAddress) {
  for (const char* text : {"", "x", "10.1.2", "10.1.2.3:80", "[::1]", "::g", "10.1.2.3 "}) {
    EXPECT_FALSE(IpAddress::parse(text)) << text;
  }
}

TEST(IpAddress, StaysSmall) { EXPECT_LE(sizeof(IpAddress), 17U); }

struct NetworkRow {
  const char* network;
  const char* inside;
  const char* outside;
};

class NetworkTable : public testing::TestWithParam<NetworkRow> {};

TEST_P(NetworkTable, ContainsItsOwnAndNoOthers) {
  const auto network = Network::parse(GetParam().network);
  ASSERT_TRUE(network) << GetParam().network;
  EXPECT_TRUE(network->contains(*IpAddress::parse(GetParam().inside))) << GetParam().inside;
  EXPECT_FALSE(network->contains(*IpAddress::parse(GetParam().outside))) << GetParam().outside;
}

INSTANTIATE_TEST_SUITE_P(
    Table, NetworkTable,
    testing::Values(NetworkRow{"10.0.0.0/8", "10.255.255.255", "11.0.0.0"},
                    NetworkRow{"10.0.0.0/8", "10.0.0.0", "9.255.255.255"},
                    NetworkRow{"10.1.2.3/8", "10.9.9.9", "110.1.2.3"},
                    NetworkRow{"192.168.4.0/22", "192.168.7.255", "192.168.8.0"},
                    NetworkRow{"192.168.4.0/22", "192.168.4.0", "192.168.3.255"},
                    NetworkRow{"128.0.0.0/1", "255.0.0.1", "127.255.255.255"},
                    NetworkRow{"10.1.2.2/31", "10.1.2.3", "10.1.2.4"},
                    NetworkRow{"10.1.2.3/32", "10.1.2.3", "10.1.2.2"},
                    NetworkRow{"10.1.2.3", "10.1.2.3", "10.1.2.2"},
                    NetworkRow{"0.0.0.0/0", "203.0.113.9", "::1"},
                    NetworkRow{"::/0", "fd00::1", "10.0.0.1"},
                    NetworkRow{"fd00::/8", "fdff::1", "fc00::1"},
                    NetworkRow{"2001:db8::/33", "2001:db8:7fff::1", "2001:db8:8000::1"},
                    NetworkRow{"::1", "::1", "::2"}, NetworkRow{"::1/128", "::1", "::"},
                    NetworkRow{"10.0.0.0/8", "::ffff:10.1.2.3", "::10.1.2.3"}));

TEST(Network, RefusesWhatIsNoNetwork) {
  for (const char* text : {"", "/", "/8", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/8/8",
                           "10.0.0.0/x", "::1/129", "10.0.0/8", "localhost/8", "10.0.0.0 /8"}) {
    EXPECT_FALSE(Network::parse(text)) << text;
  }
}

TEST(IpAddress, GetsAPort) {
  EXPECT_EQ(IpAddress::parse("192.0.2.7")->with_port(80).text(), "192.0.2.7:80");
  EXPECT_EQ(IpAddress::parse("2001:db8::1")->with_port(0).text(), "[2001:db8::1]:0");
}

TEST(IpAddress, IsWrittenAsItWasRead) {
  for (const char* text : {"192.0.2.7", "2001:db8::1", "::1"}) {
    EXPECT_EQ(IpAddress::parse(text)->text(), text);
  }
}

TEST(PortRange, IsReadAndWritten) {
  const auto range = PortRange::parse("20000-29999");
  ASSERT_TRUE(range);
  EXPECT_EQ(range->first, 20000);
  EXPECT_EQ(range->last, 29999);
  EXPECT_EQ(range->text(), "20000-29999");
  EXPECT_TRUE(PortRange::parse("80-80"));
  EXPECT_TRUE(PortRange{}.empty());
}

TEST(PortRange, RefusesWhatIsNone) {
  for (const char* text :
       {"", "-", "80", "80-", "-80", "0-80", "81-80", "1-65536", "a-b", "1-2-3"}) {
    EXPECT_FALSE(PortRange::parse(text)) << text;
  }
}

}  // namespace
}  // namespace holdfast
