#include "admin/json_writer.h"

#include <gtest/gtest.h>

namespace holdfast {
namespace {

TEST(JsonWriterTest, WritesMembersInTheirOrder) {
  JsonWriter json;
  json.object([&] {
    json.member("name", "web");
    json.member("open", 3U);
    json.member("draining", false);
    json.member("waited", Duration(1500ms));
    json.null("error");
  });
  EXPECT_EQ(json.text(), R"({"name":"web","open":3,"draining":false,"waited":1.500,"error":null})");
}

TEST(JsonWriterTest, NestsObjectsAndArrays) {
  JsonWriter json;
  json.object([&] {
    json.object("empty", [] {});
    json.array("servers", [&] {
      for (const char* name : {"a", "b"}) {
        json.object([&] { json.member("server", name); });
      }
    });
    json.array("none", [] {});
  });
  EXPECT_EQ(json.text(), R"({"empty":{},"servers":[{"server":"a"},{"server":"b"}],"none":[]})");
}

TEST(JsonWriterTest, EscapesWhatWouldEndAString) {
  JsonWriter json;
  json.object([&] { json.member("na\"me", "a\\b\n{[\xff"); });
  EXPECT_EQ(json.text(), R"({"na\"me":"a\\b\n{[\ufffd"})");
}

// A text that ends like the beginning of an array is still a text.
TEST(JsonWriterTest, SeparatesAfterATextThatLooksLikeABeginning) {
  JsonWriter json;
  json.object([&] {
    json.member("a", "[");
    json.member("b", std::uint64_t{18446744073709551615U});
  });
  EXPECT_EQ(json.text(), R"({"a":"[","b":18446744073709551615})");
}

}  // namespace
}  // namespace holdfast
