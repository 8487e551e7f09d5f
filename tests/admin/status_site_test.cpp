#include "admin/status_site.h"

#include <gtest/gtest.h>

namespace holdfast {
namespace {

TEST(OwnHost, IsAnAddressOrLocalhost) {
  for (const char* host : {"127.0.0.1", "127.0.0.1:8081", "10.1.2.3:80", "[::1]", "[::1]:8081",
                           "localhost", "LocalHost:8081", "status.localhost", "localhost.", ""}) {
    EXPECT_TRUE(is_own_host(host)) << host;
  }
}

TEST(OwnHost, IsNoNameThatAStrangerMayOwn) {
  for (const char* host : {"attacker.example", "localhost.attacker.example", "notlocalhost",
                           "127.0.0.1.attacker.example", "attacker.example:8081", "[attacker]"}) {
    EXPECT_FALSE(is_own_host(host)) << host;
  }
}

TEST(SafeFields, CarryThePolicyOfThePage) {
  EXPECT_NE(
      safe_fields("default-src 'self'").find("Content-Security-Policy: default-src 'self'\r\n"),
      std::string::npos);
}

}  // namespace
}  // namespace holdfast
