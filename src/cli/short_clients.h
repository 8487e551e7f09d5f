#pragma once

#include <functional>
#include <string_view>

#include "base/time.h"
#include "net/address.h"

namespace holdfast {

// Many clients that each connect, ask once with `Connection: close`, read until the server closes,
// and are gone.
struct ShortLoad {
  SocketAddress server;
  unsigned requests = 0;
  unsigned concurrency = 1;  // clients at one time
  Duration patience = 10s;   // of each client; after it the request has failed
};

// What became of them. Each request is counted once; a failed one is not tried again.
struct ShortLoadReport {
  unsigned answered = 0;       // with a complete 200
  unsigned no_local_port = 0;  // EADDRNOTAVAIL: every local port towards the server was taken
  unsigned refused = 0;        // the connection was not made
  unsigned broken = 0;         // the answer was another status, cut short, or a reset
  unsigned late = 0;           // the patience ran out
  Duration took{};

  [[nodiscard]] unsigned failed() const { return no_local_port + refused + broken + late; }
  [[nodiscard]] unsigned finished() const { return answered + failed(); }
  [[nodiscard]] double requests_per_second() const;
};

// Called now and then with the number of requests that are finished.
using LoadProgress = std::function<void(unsigned finished)>;

// Runs the whole load on the calling thread.
[[nodiscard]] ShortLoadReport run_short_clients(const ShortLoad& load,
                                                const LoadProgress& on_progress = {});

// Whether `answer`, which ended with the connection, is a 200 with as much body as it promised.
[[nodiscard]] bool is_whole_answer(std::string_view answer);

}  // namespace holdfast
