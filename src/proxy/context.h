#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "base/block_pool.h"
#include "base/slab.h"
#include "base/time.h"
#include "base/timer_wheel.h"
#include "codec/http1/decoder.h"
#include "net/stream.h"
#include "pool/limits.h"
#include "proxy/counters.h"
#include "proxy/exchange_record.h"
#include "proxy/request_id.h"

namespace holdfast {

class ClientConnection;
class Exchange;
class UpstreamConnection;
struct SharedEndpoint;

using ClientConnections = Slab<ClientConnection>;
using Exchanges = Slab<Exchange>;
using UpstreamConnections = Slab<UpstreamConnection>;

// A backend connection on its way to another worker: a plain descriptor and its history.
struct MovedConnection {
  int descriptor = -1;
  UseHistory use;
  std::uint64_t number = 0;
  std::size_t source = 0;  // see UpstreamConnection
};

// How a worker reaches the others. Endpoints are named by their number, the same in every worker.
class Neighbours {
 public:
  // Asks a worker to look again whether it can give or take a connection of the endpoint.
  virtual void wake(unsigned worker, std::size_t endpoint) = 0;
  // Hands a connection over. Its permit goes with it, and keeps the shared endpoint alive.
  virtual void give(unsigned worker, SharedEndpoint& endpoint, MovedConnection moved) = 0;

 protected:
  ~Neighbours() = default;
};

// What all connections and exchanges of one worker share. Built by the worker, outlives them all;
// everything in it belongs to the worker's thread.
struct Context {
  const Clock& clock;
  TimerWheel& timers;
  BlockPool& blocks;
  StreamFactory& streams;
  Neighbours& neighbours;
  ClientConnections& clients;
  Exchanges& exchanges;
  UpstreamConnections& upstream_connections;
  unsigned worker = 0;
  unsigned workers = 1;

  Counters counters{};
  ExchangeReader* exchange_reader = nullptr;  // told of every exchange that has ended, if set
  bool keeps_heads = false;                   // until then, for it
  std::uint64_t connections_numbered = 0;
  RequestIds request_ids{};
  bool draining = false;
  std::uint64_t memory_limit = 0;  // this worker's share; 0 = no limit
  TimePoint last_shortage_log{};
  std::uint64_t random_state = 0x9e3779b97f4a7c15;

  // One head is decided and re-serialised at a time, so one table per direction and one room
  // suffice.
  http1::FieldTable request_fields{};
  http1::FieldTable response_fields{};
  static constexpr std::size_t head_room_bytes = 128 * 1024;
  std::unique_ptr<char[]> head_room_memory =
      std::make_unique_for_overwrite<char[]>(head_room_bytes);

  [[nodiscard]] TimePoint now() const { return clock.now(); }
  [[nodiscard]] TimePoint fine_now() const { return clock.fine_now(); }
  [[nodiscard]] std::span<char> head_room() const {
    return {head_room_memory.get(), head_room_bytes};
  }

  // For the next backend connection; no two of the process are the same.
  [[nodiscard]] std::uint64_t next_connection_number() {
    return connections_numbered++ * workers + worker + 1;
  }

  // True once a second at most: for a line in the log about what this machine is short of.
  [[nodiscard]] bool may_log_shortage() {
    if (now() - last_shortage_log < 1s) {
      return false;
    }
    last_shortage_log = now();
    return true;
  }

  // For jitter only: xorshift64.
  [[nodiscard]] std::uint64_t random() {
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state;
  }
};

}  // namespace holdfast
