#pragma once

#include "config/binder.h"

namespace holdfast {

// Adds what no single key can tell to the diagnostics: listeners that name an unknown upstream or
// share an address, upstreams that nobody uses. Completes defaults that follow another key.
void apply_rules(Binding& binding);

}  // namespace holdfast
