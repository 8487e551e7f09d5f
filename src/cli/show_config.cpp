#include "cli/show_config.h"

#include <ostream>
#include <string_view>

#include "config/schema.h"

namespace holdfast {

int show_configuration(const ShowOptions& options, const Outputs& outputs) {
  const LoadedConfig loaded =
      load_source(options.source, own_environment(), "; name a file: holdfast config show FILE");
  if (!loaded.outcome.config) {
    outputs.diagnostics << render_refusal(loaded, "holdfast config show", outputs.colour);
    return loaded.exit_code_if_bad;
  }
  outputs.diagnostics << render_all(loaded.outcome, outputs.colour);
  const Config& config = *loaded.outcome.config;
  outputs.results << (options.form == ShowForm::json
                          ? config_as_json(config, loaded.outcome.origins)
                          : config_as_yaml(config, loaded.outcome.origins, options.remark));
  return exit_ok;
}

int show_schema(const Outputs& outputs) {
  outputs.results << config_schema();
  return exit_ok;
}

}  // namespace holdfast
