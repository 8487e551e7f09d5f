#pragma once

#include <CLI/App.hpp>

#include "cli/healthcheck.h"

namespace holdfast {

extern const char* const about_healthcheck;

// The options of `holdfast healthcheck` beside those that name a configuration; they fill
// `options`.
void add_healthcheck_options(CLI::App& app, HealthcheckOptions& options);

}  // namespace holdfast
