#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "net/address.h"
#include "pool/permits.h"
#include "ports/port_ledger.h"

namespace holdfast {

// What all workers share of one endpoint: its address, the permits for its connections, who is
// short of one, and what its connections cost in ports. Touched when a connection is opened, closed
// or missed, never per request that found one.
struct SharedEndpoint {
  SharedEndpoint(std::size_t its_number, SocketAddress its_address, std::uint32_t max_connections,
                 unsigned workers, std::vector<SocketAddress> its_sources = {})
      : number(its_number),
        address(its_address),
        sources(std::move(its_sources)),
        ports(address.is_unix() ? 0 : std::max<std::size_t>(1, sources.size())),
        permits(max_connections),
        fair_share((max_connections + workers - 1) / workers),
        held(std::make_unique<std::atomic<std::uint32_t>[]>(workers)),
        left(std::make_unique<std::atomic<std::uint64_t>[]>(workers)) {}

  const std::size_t number;  // among all endpoints of the process
  const SocketAddress address;
  // Where its connections may come from; the kernel chooses if there is nothing here.
  const std::vector<SocketAddress> sources;
  PortLedger ports;  // by place in `sources`; of nothing for a Unix socket
  // Over half of the ports are used: a close should leave no TIME_WAIT here, and waiting is better
  // than connecting.
  std::atomic<bool> ports_scarce{false};
  std::atomic<PortBudget> port_budget{PortBudget::ample};  // the same, in full
  std::atomic<bool> ports_doubted{false};  // the kernel should be asked soon who has them
  Permits permits;
  const std::uint32_t fair_share;                      // of the connections, per worker
  std::unique_ptr<std::atomic<std::uint32_t>[]> held;  // connections, by worker
  std::atomic<std::uint64_t> in_need{0};  // a bit per worker with waiters and no permit
  std::atomic<std::uint32_t> waiting{0};  // requests in the queue, of all workers

  // Of an address that is removed: the departure that each worker is done with, and how many
  // workers have an endpoint of it. See SharedUpstream.
  std::unique_ptr<std::atomic<std::uint64_t>[]> left;
  std::atomic<std::uint32_t> holders{0};

  // A connection from this source takes a port.
  void take_port(std::size_t source, TimePoint now) {
    if (ports.sources() != 0) {
      ports.opened(source);
      judge_ports(now);
    }
  }
  // And is closed.
  void leave_port(std::size_t source, PortAfter after, TimePoint now) {
    if (ports.sources() != 0) {
      ports.closed(source, after, now);
      judge_ports(now);
    }
  }
  // Also now and then, because time alone brings ports back.
  PortBudget judge_ports(TimePoint now) {
    const PortBudget budget = ports.budget(now);
    ports_scarce.store(budget != PortBudget::ample, std::memory_order_relaxed);
    port_budget.store(budget, std::memory_order_relaxed);
    if (budget == PortBudget::spent) {
      ports_doubted.store(true, std::memory_order_relaxed);
    }
    return budget;
  }
  // A connection that was on its way between two workers is closed, by us.
  void forfeit(std::size_t source, TimePoint now) {
    leave_port(source, PortAfter::in_time_wait, now);
    permits.give_back();
  }
};

}  // namespace holdfast
