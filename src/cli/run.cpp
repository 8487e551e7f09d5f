#include "cli/run.h"

#include <optional>
#include <ostream>
#include <string>
#include <string_view>

#include "base/log.h"
#include "config/fields.h"
#include "config/values.h"
#include "server/server.h"

namespace holdfast {
namespace {

constexpr std::string_view advice = "; name a file with -c, or use --listen and --upstream";
constexpr std::string_view command = "holdfast run";

// Lets --workers override the configuration. Returns why not, if it cannot.
std::optional<std::string> override_workers(Config& config, const std::string& workers) {
  if (workers.empty()) {
    return std::nullopt;
  }
  const std::optional<Complaint> complaint =
      put_value(*find_field("workers"), &config.workers, workers);
  if (!complaint) {
    return std::nullopt;
  }
  const std::string_view separator = complaint->hint.empty() ? "" : "; ";
  return fmt::format("--workers: {}{}{}", complaint->problem, separator, complaint->hint);
}

}  // namespace

int run(const RunOptions& options, const Outputs& outputs) {
  LoadedConfig loaded = load_source(options.source, own_environment(), advice);
  if (!loaded.outcome.config) {
    outputs.diagnostics << render_refusal(loaded, command, outputs.colour);
    return loaded.exit_code_if_bad;
  }
  Config& config = *loaded.outcome.config;
  if (const auto refused = override_workers(config, options.workers)) {
    outputs.diagnostics << usage_error(*refused) << usage_hint(command);
    return exit_usage;
  }
  log::start(config.log.level, config.log.format);
  for (const Diagnostic& warning : loaded.outcome.diagnostics) {
    log::warn("{}", headline(warning, Colour::never));
  }
  return serve(config);
}

}  // namespace holdfast
