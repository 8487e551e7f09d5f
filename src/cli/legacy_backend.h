#pragma once

#include <poll.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/result.h"
#include "cli/descriptor.h"
#include "cli/legacy_http.h"
#include "net/address.h"

namespace holdfast {

// What the backend saw, counted where it cannot be flattered: at the backend.
struct LegacyCounts {
  std::uint64_t accepted = 0;   // connections
  std::uint64_t answered = 0;   // requests
  std::uint64_t open = 0;       // connections now
  std::uint64_t most_open = 0;  // connections at one time
};

// The server of the demo: one thread, its own port on 127.0.0.1, HTTP/1.0. Keeps a connection only
// if asked with `Connection: keep-alive`; else closes it first after each answer, as servers of its
// age do. It trusts its callers and is no server for the world.
class LegacyBackend {
  // What start() opens. Private, so that start() is the only way in.
  struct Sockets {
    Descriptor listener;
    Descriptor wake;
    SocketAddress address;
  };

 public:
  // More callers than this wait in the listener's queue.
  static constexpr std::size_t max_connections = 4096;

  [[nodiscard]] static Result<std::unique_ptr<LegacyBackend>> start();
  explicit LegacyBackend(Sockets sockets);
  LegacyBackend(const LegacyBackend&) = delete;
  LegacyBackend& operator=(const LegacyBackend&) = delete;
  // Closes all connections and ends the thread.
  ~LegacyBackend();

  [[nodiscard]] const SocketAddress& address() const { return address_; }
  // From any thread; a counter is up to date once the answer it counts has arrived.
  [[nodiscard]] LegacyCounts counts() const;

 private:
  struct Connection {
    Descriptor socket;
    std::uint64_t number = 0;
    std::uint64_t requests = 0;
    std::string received;
    std::string unsent;                    // while not empty nothing more is read
    std::optional<LegacyRequest> request;  // from its head until its body has arrived
    bool last_answer = false;              // closes when `unsent` is out
  };

  void serve();
  void watch();
  void accept_all();
  // False when the connection is to be closed.
  [[nodiscard]] bool advance(Connection& connection);
  [[nodiscard]] bool receive(Connection& connection);
  [[nodiscard]] bool send_unsent(Connection& connection);
  // Answers the next request; false while it is not complete.
  [[nodiscard]] bool answer_received(Connection& connection);
  void answer(Connection& connection, const LegacyRequest& request);

  SocketAddress address_;
  Descriptor listener_;
  Descriptor wake_;  // readable once the thread is to end
  std::list<Connection> connections_;
  std::vector<pollfd> watched_;  // wake_, listener_, then the connections in their order
  std::atomic<std::uint64_t> accepted_{0};
  std::atomic<std::uint64_t> answered_{0};
  std::atomic<std::uint64_t> open_{0};
  std::atomic<std::uint64_t> most_open_{0};
  std::thread thread_;  // last: it sees all of the above
};

}  // namespace holdfast
