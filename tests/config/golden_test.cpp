#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>

#include "config/load.h"

namespace holdfast {
namespace {

std::filesystem::path bad_folder() {
  return std::filesystem::path(HOLDFAST_SOURCE_DIR) / "tests/config/bad";
}

std::string text_of(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

std::optional<std::string> variable(const std::string& name) {
  const std::map<std::string, std::string> variables = {{"FIVE", "5"},
                                                        {"INJECTION", "a, protocol: http/1.0"}};
  const auto at = variables.find(name);
  return at == variables.end() ? std::nullopt : std::optional(at->second);
}

std::vector<std::string> bad_files() {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(bad_folder())) {
    if (entry.path().extension() == ".yaml") {
      names.push_back(entry.path().stem().string());
    }
  }
  std::sort(names.begin(), names.end());
  return names;
}

// Each bad/x.yaml is answered by exactly bad/x.expected. With HOLDFAST_WRITE_EXPECTED set, the
// expected files are written instead, to be read before they are committed.
class BadConfiguration : public testing::TestWithParam<std::string> {};

TEST_P(BadConfiguration, IsAnsweredAsExpected) {
  const std::string name = GetParam() + ".yaml";
  const LoadOutcome outcome = load_text(name, text_of(bad_folder() / name), variable);
  const std::string said = render_all(outcome, Colour::never);
  const std::filesystem::path expected = bad_folder() / (GetParam() + ".expected");
  if (std::getenv("HOLDFAST_WRITE_EXPECTED") != nullptr) {
    std::ofstream(expected, std::ios::binary) << said;
  }
  EXPECT_EQ(said, text_of(expected));
  EXPECT_FALSE(said.empty());
  EXPECT_EQ(outcome.config.has_value(), GetParam().starts_with("warning_"));
}

INSTANTIATE_TEST_SUITE_P(Files, BadConfiguration, testing::ValuesIn(bad_files()),
                         [](const auto& file) { return file.param; });

TEST(BadConfigurations, AreMany) { EXPECT_GE(bad_files().size(), 40U); }

}  // namespace
}  // namespace holdfast
