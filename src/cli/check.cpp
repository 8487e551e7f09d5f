#include "cli/check.h"

#include <fmt/format.h>

#include <ostream>

#include "cli/wording.h"
#include "server/sources.h"

namespace holdfast {
namespace {

std::string summary(const Config& config) {
  std::size_t servers = 0;
  for (const UpstreamOptions& upstream : config.upstreams) {
    servers += upstream.servers.size();
  }
  return fmt::format("{}, {}, {}", counted(config.listeners.size(), "listener"),
                     counted(config.upstreams.size(), "upstream"), counted(servers, "server"));
}

}  // namespace

int check_configuration(const ConfigSource& source, const Outputs& outputs) {
  const LoadedConfig loaded =
      load_source(source, own_environment(), "; name a file: holdfast check FILE");
  if (!loaded.outcome.config) {
    // Only `holdfast -t` takes the flags, so its help is the one to read.
    outputs.diagnostics << render_refusal(loaded, "holdfast", outputs.colour);
    return loaded.exit_code_if_bad;
  }
  outputs.diagnostics << render_all(loaded.outcome, outputs.colour);
  // What is wrong on this machine may be right where the configuration is for.
  const SourceFaults faults = check_sources(*loaded.outcome.config);
  for (const auto* lines : {&faults.errors, &faults.warnings}) {
    for (const std::string& line : *lines) {
      outputs.diagnostics << "warning: " << line << '\n';
    }
  }
  const std::size_t warnings = loaded.outcome.diagnostics.size() + loaded.outcome.left_out +
                               faults.errors.size() + faults.warnings.size();
  outputs.results << fmt::format("{}: ok ({}{})\n", loaded.name, summary(*loaded.outcome.config),
                                 warnings == 0 ? "" : ", " + counted(warnings, "warning"));
  return exit_ok;
}

}  // namespace holdfast
