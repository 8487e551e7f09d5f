#include "cli/run.h"

#include <ostream>
#include <string_view>

#include "base/log.h"
#include "server/server.h"

namespace holdfast {
namespace {

constexpr std::string_view advice = "; name a file with -c, or use --listen and --upstream";
constexpr std::string_view command = "holdfast run";

}  // namespace

int run(const ConfigSource& source, const Outputs& outputs) {
  const LoadedConfig loaded = load_source(source, own_environment(), advice);
  if (!loaded.outcome.config) {
    outputs.diagnostics << render_refusal(loaded, command, outputs.colour);
    return loaded.exit_code_if_bad;
  }
  const Config& config = *loaded.outcome.config;
  log::start(config.log.level, config.log.format);
  for (const Diagnostic& warning : loaded.outcome.diagnostics) {
    log::warn("{}", headline(warning, Colour::never));
  }
  return serve(config);
}

}  // namespace holdfast
