#pragma once

#include <cstdint>

#include "base/result.h"
#include "config/config.h"

namespace holdfast {

// Raises the soft limit of file descriptors to the hard one and returns it.
[[nodiscard]] std::uint64_t raise_descriptor_limit();

// How the descriptors are shared out, so that EMFILE is never reached: the upstream caps are kept
// as they are configured and the clients get what remains.
struct DescriptorPlan {
  std::uint64_t for_upstreams = 0;
  std::uint64_t for_clients = 0;  // 0: there are too few to start at all
  std::uint64_t wanted_by_clients = 0;
};
[[nodiscard]] DescriptorPlan plan_descriptors(const Config& config, unsigned workers,
                                              std::uint64_t limit);

// The part of a listener in what there is for clients.
[[nodiscard]] std::uint32_t client_cap(const ListenerOptions& listener, const DescriptorPlan& plan);

}  // namespace holdfast
