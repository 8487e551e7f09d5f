// What an endpoint makes of the ports that its connections cost: where they come from, and whether
// one is worth its port.

#include "proxy/endpoint.h"

namespace holdfast {

// The last few ports are for whoever has no connection at all: all others wait for one of those
// that there are.
bool Endpoint::may_spend_port() {
  if (shared_.port_budget.load(std::memory_order_relaxed) != PortBudget::spent ||
      shared_.judge_ports(context_.now()) != PortBudget::spent || shared_.permits.taken() <= 1) {
    return true;
  }
  note_shortage(make_error(ErrorCode::out_of_ports));
  next_connect_ = context_.now() + retry_connect;
  return false;
}

// From the source address with the fewest ports in use; where the kernel has none left, from the
// next one. The permit that the caller has taken is for the first attempt.
std::optional<Error> Endpoint::connect_from_any() {
  PortLedger& ports = shared_.ports;
  std::optional<Error> failed;
  for (std::size_t left = std::max<std::size_t>(1, shared_.sources.size()); left > 0; --left) {
    const std::optional<std::size_t> source = ports.least_used(context_.now());
    if (!source && ports.sources() != 0) {
      break;
    }
    if (failed && !shared_.permits.take()) {
      return failed;
    }
    failed = connect_from(source.value_or(0));
    if (!failed || failed->code != ErrorCode::out_of_ports) {
      return failed;
    }
    shared_.ports_doubted.store(true, std::memory_order_relaxed);
    if (source && ports.sources() > 1) {
      ports.bar(*source, context_.now() + source_pause);
    }
  }
  if (!failed) {
    shared_.permits.give_back();  // all sources are barred: not even one attempt was made
  }
  return failed.value_or(make_error(ErrorCode::out_of_ports));
}

}  // namespace holdfast
