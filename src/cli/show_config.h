#pragma once

#include "cli/config_source.h"
#include "cli/outputs.h"
#include "config/show.h"

namespace holdfast {

enum class ShowForm : std::uint8_t { yaml, json };

struct ShowOptions {
  ConfigSource source;
  Remark remark = Remark::nothing;
  ShowForm form = ShowForm::yaml;
};

// `holdfast config show`: prints a configuration with all its values. Returns the exit code.
[[nodiscard]] int show_configuration(const ShowOptions& options, const Outputs& outputs);

// `holdfast config schema`: prints the JSON Schema of a configuration.
[[nodiscard]] int show_schema(const Outputs& outputs);

}  // namespace holdfast
