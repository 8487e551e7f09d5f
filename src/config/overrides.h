#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace holdfast {

// These two alone make a configuration; they are not made from a key.
inline constexpr const char* listen_variable = "HOLDFAST_LISTEN";
inline constexpr const char* upstream_variable = "HOLDFAST_UPSTREAM";

inline constexpr std::string_view variable_prefix = "HOLDFAST_";

// Before the path of a key in the name of what the command line sets.
inline constexpr const char* set_flag = "--set ";

// A value that overrules the file's. `name` is that of the flag or of the environment variable; a
// list's values stand between commas.
struct Override {
  std::string name;
  std::string text;

  [[nodiscard]] bool is_flag() const { return name.starts_with("--"); }
};

// The variable for a key: "HOLDFAST_UPSTREAMS_MY_APP_SERVERS" for "upstreams.my-app.servers",
// "..._ROUTES_0_HOST" for "routes[0].host".
[[nodiscard]] std::string variable_name(std::string_view path);

// What is said beside the file. What is set for a path, as flags are, comes before the variables.
// Knows no key: whoever binds asks for each path, and what nobody has asked for was misspelt.
class Overrides {
 public:
  Overrides() = default;

  // Takes "NAME=value" as environ has it. Empty variables count as not set, and those that
  // Kubernetes makes for a service called holdfast mean nothing to us.
  static Overrides from_variables(const char* const* variables);
  static Overrides from_environment();

  void set(std::string path, Override value);

  // The value for this path, or null. Counts as asked for.
  const Override* find(const std::string& path);
  [[nodiscard]] bool any_below(const std::string& path) const;

  // Names of what no path has asked for, and of variables that several have, with the paths.
  [[nodiscard]] std::vector<std::string> unused() const;
  [[nodiscard]] std::vector<std::pair<std::string, std::vector<std::string>>> ambiguous() const;

 private:
  struct Entry {
    Override value;
    std::vector<std::string> paths;  // that have asked for it
  };
  std::map<std::string, Entry, std::less<>> by_path_;
  std::map<std::string, Entry, std::less<>> variables_;  // by name
};

}  // namespace holdfast
