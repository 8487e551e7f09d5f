#include "config/expand.h"

#include <gtest/gtest.h>

#include <map>

namespace holdfast {
namespace {

std::optional<std::string> variable(const std::string& name) {
  const std::map<std::string, std::string> variables = {{"NAME", "value"},
                                                        {"_a1", "low"},
                                                        {"EMPTY", ""},
                                                        {"NESTED", "${NAME}"},
                                                        {"LONG", std::string(5000, 'x')}};
  const auto at = variables.find(name);
  return at == variables.end() ? std::nullopt : std::optional(at->second);
}

TEST(Expansion, ReplacesVariables) {
  const std::pair<std::string_view, std::string_view> table[] = {
      {"", ""},
      {"plain", "plain"},
      {"${NAME}", "value"},
      {"a${NAME}b${_a1}c", "avalueblowc"},
      {"${EMPTY}", ""},
      {"${NAME:-other}", "value"},
      {"${NOT_SET:-other}", "other"},
      {"${EMPTY:-other}", "other"},
      {"${NOT_SET:-}", ""},
      {"${NOT_SET:-:8080}", ":8080"},
      {"${NAME:?text}", "value"},
      {"$$", "$"},
      {"$${NAME}", "${NAME}"},
      {"a$$b$$", "a$b$"},
  };
  for (const auto& [text, expected] : table) {
    const Reading<std::string> read = expand(text, variable);
    ASSERT_TRUE(read) << text;
    EXPECT_EQ(*read, expected) << text;
  }
}

TEST(Expansion, TakesAValueAsItStands) { EXPECT_EQ(*expand("${NESTED}", variable), "${NAME}"); }

TEST(Expansion, RefusesWhatIsNoVariable) {
  for (const std::string_view text : {"$", "a$", "$NAME", "${", "${NAME", "${}", "${1A}", "${A B}",
                                      "${NAME-x}", "${NAME:x}", "${NAME:+x}", "${NAME:"}) {
    EXPECT_FALSE(expand(text, variable)) << text;
  }
}

TEST(Expansion, RefusesAVariableThatIsNotSet) {
  EXPECT_EQ(expand("${NOT_SET}", variable).error().problem,
            "the environment variable 'NOT_SET' is not set");
  EXPECT_EQ(expand("${EMPTY:?say which}", variable).error().problem,
            "the environment variable 'EMPTY' is not set: 'say which'");
}

TEST(Expansion, IsBounded) { EXPECT_FALSE(expand("${LONG}", variable)); }

}  // namespace
}  // namespace holdfast
