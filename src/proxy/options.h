#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "base/time.h"
#include "net/address.h"
#include "net/resolver.h"
#include "pool/limits.h"
#include "proxy/route_options.h"

namespace holdfast {

// Of one process: each is a bit of SharedEndpoint::in_need.
inline constexpr unsigned max_workers = 64;

// Of one upstream.
inline constexpr std::size_t max_source_addresses = 64;

// Each option has here its name as in the configuration, and its default. The config room only
// fills them.

enum class HalfClose : std::uint8_t { abort, serve };
enum class ProtocolChoice : std::uint8_t { automatic, http10, http11 };
enum class HostChoice : std::uint8_t { preserve, server, literal };
// Which of an upstream's servers gets a request.
enum class Balance : std::uint8_t {
  round_robin,        // one after the other
  least_connections,  // the one with the fewest requests of this worker
  random_two,         // the one of two drawn at random that has fewer
};

// How long a client may take. 0 means no limit.
struct ClientTimeouts {
  Duration head = 10s;   // from the first byte of a head (or the accept) to its last
  Duration body = 30s;   // between two reads of a request's body
  Duration write = 30s;  // while the client takes none of its answer
  Duration idle = 75s;   // between two requests
};

struct ClientLimits {
  std::size_t head = 16 * 1024;   // bytes of a request's head, at most 64k
  std::size_t target = 8 * 1024;  // bytes of a request's target
  std::size_t fields = 100;       // fields of a request's head, at most 256
  std::uint64_t body = 0;         // bytes of a request's body; 0 = no limit
  // The least bytes a second, in the mean: of a body that is sent, and of an answer that is taken.
  // 0 = no limit.
  std::uint64_t body_rate = 512;
  std::uint64_t write_rate = 512;
};

// Who gets an id to find a request by, in X-Request-ID. A client's own is kept if it is sane.
enum class RequestIdChoice : std::uint8_t {
  automatic,  // requests that are logged, and answers of our own
  always,     // each request, and the answer to it
  off,        // nobody; a client's passes as any other field
};

// Whether our own answers say why in Proxy-Status (RFC 9209).
enum class ProxyStatusChoice : std::uint8_t { off, on };

struct ListenerOptions {
  std::string name;
  SocketAddress address;
  std::uint32_t mode = 0666;              // of the file of a Unix socket: who may connect
  std::string upstream;                   // or else
  std::vector<RouteOptions> routes;       // in any order
  std::uint32_t max_connections = 16384;  // of the whole process
  std::uint64_t max_requests = 0;         // per client connection; 0 = no limit
  ClientTimeouts timeouts;
  HalfClose half_close = HalfClose::abort;
  ClientLimits limits;
  RequestIdChoice request_id = RequestIdChoice::automatic;
  ProxyStatusChoice proxy_status = ProxyStatusChoice::on;
  std::vector<Network> trusted_peers;  // whose X-Forwarded-* fields are believed
};

// How long a backend may take. 0 means no limit.
struct UpstreamTimeouts {
  Duration connect = 3s;
  Duration response = 60s;  // from the end of the request to the whole head of the answer
  Duration read = 60s;      // between two reads of an answer's body
  Duration write = 30s;     // while the backend takes none of a request
};

struct UpstreamLimits {
  std::size_t head = 64 * 1024;        // bytes of an answer's head, at most 64k
  std::size_t chunked_body = 1 << 20;  // bytes of a chunked request buffered for an HTTP/1.0 server
};

struct QueueOptions {
  std::size_t max =
      0;  // requests waiting for a connection, per server and worker; 0 = no limit of its own
  Duration timeout = 5s;
};

// Which requests may be sent a second time although a backend may have executed them.
enum class ReplayMethods : std::uint8_t {
  safe,        // GET, HEAD and OPTIONS
  idempotent,  // PUT and DELETE too (RFC 9110 section 9.2.2)
};

struct ReplayOptions {
  ReplayMethods methods = ReplayMethods::safe;
  std::size_t body = 64 * 1024;  // bytes of a body kept for it, at most 64k
  std::uint32_t budget = 10;     // per cent of the requests; 0 = no request that was sent
};

// How servers that are given as names are looked up.
struct ResolveOptions {
  Duration interval = 30s;  // between two lookups of a name
  Duration timeout = 5s;    // for one
  AddressFamily family = AddressFamily::any;
};

// How connections to a server end that are not wanted any more.
enum class Retire : std::uint8_t {
  automatic,   // as peer_first, but by a reset where that saves a port that is needed
  peer_first,  // the server is brought to close first, or else by an end of stream
  fin,         // by an end of stream at once
  reset,       // by a reset at once, where nothing can be lost by it
};

struct UpstreamOptions {
  std::string name;
  std::vector<std::string> servers;  // "host:port", the host an address or a name
  ProtocolChoice protocol = ProtocolChoice::automatic;
  HostChoice host = HostChoice::preserve;
  std::string host_name;  // for HostChoice::literal
  Balance balance = Balance::least_connections;
  PoolLimits pool;
  QueueOptions queue;
  Retire retire = Retire::automatic;
  UpstreamTimeouts timeouts;
  UpstreamLimits limits;
  ReplayOptions replay;
  ResolveOptions resolve;
  std::vector<IpAddress>
      source_addresses;    // where connections come from; none: as the system has it
  PortRange source_ports;  // and their local ports; empty: those of the system
};

enum class AccessLogFormat : std::uint8_t { off, combined, json, logfmt };

// One line for each request, or for some.
struct AccessLogOptions {
  AccessLogFormat format = AccessLogFormat::off;
  std::string path = "stdout";  // of a file, or this word
  std::uint32_t sample = 100;   // per cent of the requests; errors and slow ones are always logged
  Duration slow = 1s;           // what takes as long is slow; 0 = nothing is
};

}  // namespace holdfast
