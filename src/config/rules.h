#pragma once

#include "config/binder.h"

namespace holdfast {

// Adds what no single key can tell to the diagnostics: listeners and routes that name an unknown
// upstream, listeners that share an address, routes that are the same or never match, upstreams
// that nobody uses. Completes defaults that follow another key.
void apply_rules(Binding& binding);

}  // namespace holdfast
