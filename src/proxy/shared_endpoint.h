#pragma once

#include <atomic>
#include <cstdint>
#include <memory>

#include "net/address.h"
#include "pool/permits.h"

namespace holdfast {

// What all workers share of one endpoint: its address, the permits for its connections, and who is
// short of one. Touched when a connection is opened, closed or missed, never per request that found
// one.
struct SharedEndpoint {
  SharedEndpoint(std::size_t its_number, SocketAddress its_address, std::uint32_t max_connections,
                 unsigned workers)
      : number(its_number),
        address(its_address),
        permits(max_connections),
        fair_share((max_connections + workers - 1) / workers),
        held(std::make_unique<std::atomic<std::uint32_t>[]>(workers)),
        left(std::make_unique<std::atomic<std::uint64_t>[]>(workers)) {}

  const std::size_t number;  // among all endpoints of the process
  const SocketAddress address;
  Permits permits;
  const std::uint32_t fair_share;                      // of the connections, per worker
  std::unique_ptr<std::atomic<std::uint32_t>[]> held;  // connections, by worker
  std::atomic<std::uint64_t> in_need{0};  // a bit per worker with waiters and no permit
  std::atomic<std::uint32_t> waiting{0};  // requests in the queue, of all workers

  // Of an address that is removed: the departure that each worker is done with, and how many
  // workers have an endpoint of it. See SharedUpstream.
  std::unique_ptr<std::atomic<std::uint64_t>[]> left;
  std::atomic<std::uint32_t> holders{0};
};

}  // namespace holdfast
