#include "proxy/overload.h"

#include "proxy/client_connection.h"
#include "proxy/exchange.h"
#include "proxy/upstream_connection.h"

namespace holdfast {
namespace {

// What a stream adds to its connection: libuv's structure, which this room does not see.
constexpr std::uint64_t stream_bytes = 320;

}  // namespace

Overload overload_of(std::uint64_t used, std::uint64_t limit) {
  const std::uint64_t left = used < limit ? limit - used : 0;
  if (left < limit / 50) {
    return Overload::stop;
  }
  if (left < limit / 20) {
    return Overload::refuse;
  }
  return left < limit / 20 * 3 ? Overload::shed : Overload::none;
}

std::uint64_t memory_held(const Context& context) {
  return context.blocks.lent_bytes() +
         context.clients.in_use() * (ClientConnections::slot_bytes() + stream_bytes) +
         context.exchanges.in_use() * Exchanges::slot_bytes() +
         context.upstream_connections.in_use() * (UpstreamConnections::slot_bytes() + stream_bytes);
}

Overload memory_overload(const Context& context) {
  return context.memory_limit == 0 ? Overload::none
                                   : overload_of(memory_held(context), context.memory_limit);
}

}  // namespace holdfast
