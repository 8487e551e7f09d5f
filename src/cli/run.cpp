#include "cli/run.h"

#include <ostream>

#include "base/log.h"
#include "server/server.h"

namespace holdfast {

int run(const ConfigSource& source, const Outputs& outputs) {
  const LoadedConfig loaded = load_source(source, own_environment(),
                                          "; name a file with -c, or use --listen and --upstream");
  if (!loaded.outcome.config) {
    outputs.diagnostics << render_refusal(loaded, "holdfast run", outputs.colour);
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
