#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "cli/probe_connection.h"
#include "net/address.h"

namespace holdfast {

// How a backend is asked, and for how long.
struct ProbeSettings {
  enum class Depth : std::uint8_t {
    full,
    fast,  // without the limits: they take as long as they last
  };

  std::string path = "/";
  std::string host;               // empty: the server as it is written
  Duration timeout = 5s;          // for a connection, and for an answer
  Duration limit = 75s;           // of the measurements
  std::uint64_t requests = 1100;  // at most over one connection: nginx ends one after 1000
  Depth depth = Depth::full;
};

// How one version of HTTP fares: one request, and if the answer allows it another one behind it.
struct VersionFacts {
  std::optional<Error> failure;  // the first request was not answered
  ProbeAnswer answer;            // else this came
  bool again = false;            // the second one was answered too
};

// After how long the backend closes connections that nobody uses.
struct IdleFacts {
  unsigned watched = 0;
  std::vector<Duration> ages{};  // of those that it has closed, the youngest first
  Duration watched_for{};        // the shortest that any of the others was watched
};

// After how many requests the backend closes a connection.
struct RequestFacts {
  std::uint64_t answered = 0;
  bool ended = false;              // the backend has closed after so many
  bool announced = false;          // and said so in the last answer
  std::optional<Error> failure{};  // the next one was not answered, for another reason
  Duration mean_latency{};
};

// All that was found out about one backend.
struct BackendFacts {
  struct Attempt {
    SocketAddress address;
    std::optional<Error> failure;
  };

  std::string server;      // as it is written
  std::string name_error;  // why its name does not resolve, in words; else empty
  std::vector<Attempt> attempts;
  std::optional<SocketAddress> asked;  // the first one that took a connection
  Duration connected_in{};
  VersionFacts http11;
  VersionFacts http10;  // asked for `Connection: keep-alive`
  std::optional<bool> closes_when_asked;
  // So many connections it served, but none beside them while they were idle.
  std::optional<unsigned> most_side_by_side;
  std::optional<IdleFacts> idle;
  std::optional<RequestFacts> requests;

  [[nodiscard]] bool answers() const { return asked && !(http11.failure && http10.failure); }
  [[nodiscard]] bool keeps() const { return http11.again || http10.again; }
  // The answer to go by.
  [[nodiscard]] const ProbeAnswer& answer() const {
    return http11.failure || (http10.again && !http11.again) ? http10.answer : http11.answer;
  }
  // Of one request; the very first one may have had to wake up somebody.
  [[nodiscard]] Duration latency() const {
    return requests ? requests->mean_latency : answer().took;
  }
  // What it says of its idle limit; some say it only when asked for keep-alive in so many words.
  [[nodiscard]] std::optional<Duration> promised_idle() const {
    const auto& promised = http11.answer.promised_idle;
    return promised ? promised : http10.answer.promised_idle;
  }
};

// Asks a backend: "host:port", "unix:/path" or "unix:@name". Blocks, for settings.limit and a few
// times settings.timeout at most, and as long as the system takes to look up a name.
[[nodiscard]] BackendFacts probe_backend(const std::string& server, const ProbeSettings& settings);

}  // namespace holdfast
