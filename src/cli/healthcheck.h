#pragma once

#include <optional>

#include "base/time.h"
#include "cli/config_source.h"
#include "cli/outputs.h"
#include "net/address.h"

namespace holdfast {

struct HealthcheckOptions {
  ConfigSource source;                   // as `holdfast run` was given: it tells where to ask
  std::optional<SocketAddress> address;  // or ask there
  bool live = false;                     // /livez, not /readyz
  Duration timeout = 2s;                 // for all of it; Docker allows 30 s, Kubernetes 1 s
};

// `holdfast healthcheck`: asks the status listener of a holdfast that runs. Says in one line what
// came of it; returns 0 if it is well, and 1 if it is not, or if nobody answers.
[[nodiscard]] int healthcheck(const HealthcheckOptions& options, const Outputs& outputs);

// Where a client on the same machine reaches somebody who listens on this address.
[[nodiscard]] SocketAddress address_to_ask(const SocketAddress& listening);

}  // namespace holdfast
