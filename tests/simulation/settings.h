#pragma once

#include <cstdint>
#include <vector>

#include "proxy/options.h"
#include "simulation/random.h"

namespace holdfast {

// How one server behaves, for as long as the run lasts. Shares are of a hundred.
struct SimServer {
  bool http11 = true;
  bool keeps = true;           // asked for keep-alive, an HTTP/1.0 server keeps the connection
  std::size_t faults = 0;      // of exchanges
  std::size_t closes = 0;      // of answers are the last of their connection, and say so
  std::size_t early = 0;       // of answers do not wait for the request's body
  std::size_t interim = 0;     // of answers have interim ones before them
  std::size_t refused = 0;     // of connection attempts
  std::size_t unanswered = 0;  // likewise: they time out
  Duration idle_timeout{};     // after which it closes a connection; 0: never
};

// What one run is like, drawn from its seed.
struct SimSettings {
  explicit SimSettings(SimRandom& random);

  bool calm = false;  // nobody breaks a rule or leaves, so that each request must be answered
  unsigned workers = 1;
  std::size_t clients = 4;      // at a time
  std::size_t max_body = 2000;  // bytes
  std::size_t short_writes = 0;
  std::size_t failed_detaches = 0;
  std::size_t failed_adoptions = 0;
  std::size_t local_trouble = 0;  // of connection attempts fail for want of something here
  std::size_t restarts = 0;       // of a million steps
  std::size_t time_jumps = 0;     // likewise
  std::size_t pipelined = 0;      // of clients
  std::size_t hostile = 0;
  std::size_t leaving = 0;
  std::size_t slow = 0;
  std::size_t kernel_bytes = 0;  // that it holds for a connection
  bool drains = false;           // one worker after the other, in the middle of the load
  bool ends_at_once = false;     // as by a second signal

  ListenerOptions listener;
  UpstreamOptions upstream;
  std::vector<SimServer> servers;

 private:
  void draw_limits(SimRandom& random);
  void draw_servers(SimRandom& random);
  void draw_faults(SimRandom& random);
};

}  // namespace holdfast
