#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.h"
#include "config/diagnostic.h"
#include "config/expand.h"
#include "config/overrides.h"

namespace holdfast {

inline constexpr std::size_t max_config_bytes = 1 << 20;
inline constexpr std::size_t max_reported = 20;

// What came of reading a configuration. There is a config exactly if no diagnostic is an error.
struct LoadOutcome {
  std::optional<Config> config;
  std::vector<Diagnostic> diagnostics;  // by line; at most max_reported
  std::size_t left_out = 0;             // how many more there were
  std::string source;                   // the text that the diagnostics point into
  // Where a value comes from unless it is the default, by its path with the names in it:
  // "holdfast.yaml:7", "environment HOLDFAST_WORKERS" or "command line --workers".
  std::map<std::string, std::string, std::less<>> origins;
};

// Reads a configuration file. Opens no socket and resolves no name.
[[nodiscard]] LoadOutcome load_file(const std::string& path,
                                    const Environment& environment = own_environment(),
                                    Overrides overrides = {});

// Reads a configuration from memory; `name` stands for the file's in diagnostics.
[[nodiscard]] LoadOutcome load_text(const std::string& name, std::string text,
                                    const Environment& environment = own_environment(),
                                    Overrides overrides = {});

// All diagnostics of an outcome with their source lines, and how many more there were.
[[nodiscard]] std::string render_all(const LoadOutcome& outcome, Colour colour);

// The configuration of `holdfast run --listen ADDRESS --upstream SERVER...`: a listener and an
// upstream, both named "main", and defaults. Diagnostics name `listen_name` or `upstream_name`.
struct QuickStart {
  std::string listen;
  std::vector<std::string> servers;
  std::string listen_name;
  std::string upstream_name;
};
[[nodiscard]] LoadOutcome load_quick_start(const QuickStart& from, Overrides overrides = {});

}  // namespace holdfast
