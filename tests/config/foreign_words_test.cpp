#include "config/foreign_words.h"

#include <gtest/gtest.h>

#include <sstream>

#include "config/fields.h"

namespace holdfast {
namespace {

TEST(ForeignWords, AreAnsweredWhereThereIsNoKeyForThem) {
  for (const char* word : {"max_fails", "fail_timeout", "proxy_set_header", "proxy_buffering",
                           "option http-server-close", "weight", "ssl"}) {
    EXPECT_FALSE(answer_to_foreign(word, "upstreams.*").empty()) << word;
  }
  EXPECT_TRUE(answer_to_foreign("max_conns", "upstreams.*").empty());  // has one
  EXPECT_TRUE(answer_to_foreign("", "upstreams.*").empty());
}

TEST(ForeignWords, DifferBySection) {
  EXPECT_FALSE(answer_to_foreign("healthcheck", "upstreams.*").empty());
  EXPECT_TRUE(answer_to_foreign("healthcheck", "").empty());  // that is `status`
}

// A word that means a key is told that key.
TEST(ForeignWords, HideNoKey) {
  for (const Field& field : fields()) {
    EXPECT_TRUE(answer_to_foreign(last_part(field.path), path_above(field.path)).empty())
        << field.path;
    std::istringstream words{std::string(field.foreign)};
    for (std::string word; words >> word;) {
      EXPECT_TRUE(answer_to_foreign(word, path_above(field.path)).empty())
          << field.path << ' ' << word;
    }
  }
}

}  // namespace
}  // namespace holdfast
