#include "cli/healthcheck.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>

#include "cli/option_value.h"

namespace holdfast {
namespace {

TEST(Healthcheck, AsksThisMachineWhereHoldfastListensOnAllItsAddresses) {
  const std::pair<const char*, const char*> rows[] = {
      {":8081", "127.0.0.1:8081"},          {"0.0.0.0:8081", "127.0.0.1:8081"},
      {"[::]:8081", "[::1]:8081"},          {"127.0.0.1:8081", "127.0.0.1:8081"},
      {"10.0.0.5:80", "10.0.0.5:80"},       {"10.0.0.0:80", "10.0.0.0:80"},
      {"[fd00::1]:8081", "[fd00::1]:8081"}, {"unix:/run/status", "unix:/run/status"},
      {"unix:@status", "unix:@status"}};
  for (const auto& [listening, asked] : rows) {
    EXPECT_EQ(address_to_ask(*SocketAddress::parse(listening)).text(), asked);
  }
}

TEST(Healthcheck, TakesPatienceWithAUnit) {
  EXPECT_EQ(read_patience("500ms").value(), 500ms);
  EXPECT_EQ(read_patience("24h").value(), 24h);
  for (const char* refused : {"0", "5", "25h", "-1s", "soon"}) {
    EXPECT_FALSE(read_patience(refused)) << refused;
  }
}

}  // namespace
}  // namespace holdfast
