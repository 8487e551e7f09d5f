#include "config/suggest.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace holdfast {
namespace {

const std::vector<std::string_view> keys = {
    "max_connections", "max_idle", "max_requests", "host", "pool", "log"};

TEST(Suggestion, FindsTheSlipOfAFinger) {
  const std::pair<std::string_view, std::string_view> table[] = {
      {"max_conections", "max_connections"},
      {"max_connection", "max_connections"},
      {"maxconnections", "max_connections"},
      {"maxConnections", "max_connections"},
      {"max-connections", "max_connections"},
      {"MAX_IDLE", "max_idle"},
      {"max_ilde", "max_idle"},
      {"hots", "host"},
      {"polo", "pool"},
      {"lg", "log"},
  };
  for (const auto& [word, expected] : table) {
    const auto found = nearest(word, keys);
    ASSERT_TRUE(found) << word;
    EXPECT_EQ(*found, expected) << word;
  }
}

TEST(Suggestion, IsSilentAboutOtherWords) {
  for (const std::string_view word : {"", "x", "balance", "timeouts", "zzzz", "p"}) {
    EXPECT_FALSE(nearest(word, keys)) << word;
  }
}

TEST(Suggestion, IsBounded) {
  const std::string long_word(10'000, 'a');
  EXPECT_FALSE(nearest(long_word, keys));
  EXPECT_FALSE(nearest("host", std::vector<std::string_view>(101, "host")));
}

}  // namespace
}  // namespace holdfast
