#include "config/fields.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include "config/binder.h"
#include "config/load.h"
#include "config/reference.h"
#include "config/schema.h"
#include "config/values.h"

namespace holdfast {
namespace {

std::filesystem::path conf() { return std::filesystem::path(HOLDFAST_SOURCE_DIR) / "conf"; }

std::string text_of(const std::filesystem::path& path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

TEST(Fields, StandBehindTheMapThatHoldsThem) {
  std::set<std::string_view> seen = {""};
  for (const Field& field : fields()) {
    EXPECT_TRUE(seen.contains(path_above(field.path))) << field.path;
    EXPECT_TRUE(seen.insert(field.path).second) << field.path << " stands twice";
    EXPECT_FALSE(field.line.empty()) << field.path;
    const bool has_items = field.kind == FieldKind::names || field.kind == FieldKind::maps;
    EXPECT_EQ(field.items != nullptr, has_items) << field.path;
    EXPECT_EQ(field.slot == nullptr, field.kind == FieldKind::map || has_items) << field.path;
    EXPECT_TRUE(!has_items || find_field(std::string(field.path) + ".*") != nullptr) << field.path;
  }
}

TEST(Fields, HaveDefaultsThatTheyWouldAccept) {
  for (const Field& field : fields()) {
    const std::string text = default_text(field);
    if (text.empty() || text == "[]" || !field.follows.empty()) {
      continue;
    }
    DefaultTarget defaults;
    const FieldSlot slot = field.slot(defaults.parts());
    EXPECT_FALSE(put_value(field, slot, text)) << field.path << " = " << text;
    EXPECT_EQ(value_text(field, slot), text) << field.path;
  }
}

TEST(Fields, AreNotTheForeignWordForAnotherKeyOfTheirMap) {
  for (const Field& field : fields()) {
    std::istringstream words{std::string(field.foreign)};
    const std::vector<std::string_view> siblings = keys_below(path_above(field.path));
    for (std::string word; words >> word;) {
      EXPECT_EQ(std::count(siblings.begin(), siblings.end(), word), 0) << field.path << ' ' << word;
    }
  }
}

// conf/README.md holds the reference between two marks. With HOLDFAST_WRITE_EXPECTED set, it is
// written anew.
TEST(Reference, EqualsTheTable) {
  const std::string begin = "<!-- reference -->\n";
  const std::string end = "<!-- /reference -->";
  const std::filesystem::path path = conf() / "README.md";
  std::string readme = text_of(path);
  const std::size_t from = readme.find(begin) + begin.size();
  const std::size_t to = readme.find(end);
  ASSERT_NE(to, std::string::npos);
  if (std::getenv("HOLDFAST_WRITE_EXPECTED") != nullptr) {
    std::string written = readme;
    std::ofstream(path) << written.replace(from, to - from, reference_table());
    return;
  }
  EXPECT_EQ(readme.substr(from, to - from), reference_table());
}

TEST(Schema, EqualsTheTable) {
  const std::filesystem::path path = conf() / "holdfast.schema.json";
  if (std::getenv("HOLDFAST_WRITE_EXPECTED") != nullptr) {
    std::ofstream(path) << config_schema();
  }
  EXPECT_EQ(text_of(path), config_schema());
}

TEST(Samples, TellEditorsOfTheSchema) {
  for (const auto& entry : std::filesystem::directory_iterator(conf())) {
    if (entry.path().extension() == ".yaml") {
      EXPECT_TRUE(text_of(entry.path())
                      .starts_with("# yaml-language-server: $schema=holdfast.schema.json\n"))
          << entry.path();
    }
  }
}

TEST(Samples, LoadWithoutAWarning) {
  std::size_t count = 0;
  for (const auto& entry : std::filesystem::directory_iterator(conf())) {
    if (entry.path().extension() == ".yaml") {
      const LoadOutcome outcome =
          load_file(entry.path().string(), [](const std::string&) { return std::nullopt; });
      EXPECT_EQ(render_all(outcome, Colour::never), "");
      EXPECT_TRUE(outcome.config);
      ++count;
    }
  }
  EXPECT_GE(count, 5U);
}

// Where conf/defaults.yaml has the key: a listener has routes or an upstream, so there are two.
std::string path_in_defaults(const Field& field) {
  std::string path(field.path);
  const auto put = [&path](std::string_view pattern, std::string_view text) {
    if (const std::size_t at = path.find(pattern); at != std::string::npos) {
      path.replace(at, pattern.size(), text);
    }
  };
  put("listeners.*.routes", "listeners.routed.routes");
  put("routes.*", "routes[0]");
  put("listeners.*.mode", "listeners.routed.mode");
  put("listeners.*", "listeners.web");
  put("upstreams.*", "upstreams.app");
  return path;
}

TEST(Samples, ShowEveryKeyWithItsDefault) {
  const auto tree = parse_yaml(text_of(conf() / "defaults.yaml"));
  ASSERT_TRUE(tree);
  Binding binding = bind_tree(*tree, own_environment());
  ListenerOptions& routed = binding.config.listeners.at(1);
  const FieldTarget target = {.config = &binding.config,
                              .listener = &binding.config.listeners.at(0),
                              .upstream = &binding.config.upstreams.at(0),
                              .route = &routed.routes.at(0)};
  routed.routes.at(0).host.clear();  // it cannot be shown with its default, which is nothing
  for (const Field& field : fields()) {
    const std::string path = path_in_defaults(field);
    EXPECT_TRUE(binding.places.contains(path)) << path << " is not in defaults.yaml";
    if (field.slot != nullptr && field.need == Need::optional && field.follows.empty()) {
      EXPECT_EQ(value_text(field, field.slot(target)), default_text(field)) << path;
    }
  }
  EXPECT_EQ(binding.config.upstreams.at(0).pool.max_idle, PoolLimits{}.max_idle);
}

}  // namespace
}  // namespace holdfast
