#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "config/expand.h"
#include "config/load.h"

namespace holdfast {

inline constexpr const char* default_config_path = "/etc/holdfast/holdfast.yaml";

// What the command line says about where the configuration comes from. A file and the two flags
// exclude each other.
struct ConfigSource {
  std::string file;
  std::string listen;
  std::vector<std::string> upstreams;
  std::string workers;                // a number or "auto"; empty: as configured
  std::vector<std::string> settings;  // "key=value"
};

struct LoadedConfig {
  LoadOutcome outcome;
  std::string name;          // of the source, for people
  int exit_code_if_bad = 0;  // 2 if the flags are at fault, else 78
};

// Loads the file or the flags if they are given, else HOLDFAST_LISTEN and HOLDFAST_UPSTREAM
// (servers separated by commas) if they are set, else the file at default_config_path. One of the
// flags may be left to its variable. Over all this go the variables of single keys, and over those
// the flags of single keys. `advice` is added to what is said if the file at default_config_path
// cannot be read: nobody has asked for it by name.
[[nodiscard]] LoadedConfig load_source(const ConfigSource& source, const Environment& environment,
                                       std::string_view advice);

// Why there is no config. Flags at fault are told of as all bad usage is, ending with usage_hint().
[[nodiscard]] std::string render_refusal(const LoadedConfig& loaded, std::string_view command,
                                         Colour colour);

// The two parts of an answer to bad usage: "holdfast: why", and where to read more. `command` is
// what is entered, as in "holdfast run".
[[nodiscard]] std::string usage_error(std::string_view why);
[[nodiscard]] std::string usage_hint(std::string_view command);

// Whether the environment alone makes a configuration.
[[nodiscard]] bool environment_configures(const Environment& environment);

}  // namespace holdfast
