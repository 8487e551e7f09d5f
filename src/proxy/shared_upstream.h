#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/error.h"
#include "proxy/options.h"
#include "proxy/shared_endpoint.h"

namespace holdfast {

// One address of an upstream, as its workers are told of it.
struct Member {
  SharedEndpoint* endpoint = nullptr;
  std::uint64_t departure = 0;  // 0 while it is in use; else the number of its removal
};

// All addresses of an upstream. Without any: why, or nothing while its names are first looked up.
struct Roster {
  std::vector<Member> members;
  std::optional<Error> lack;
};

// What is known of a server that is given as a name.
struct NameState {
  std::string server;                    // as it is written
  std::vector<SocketAddress> addresses;  // the last good answer
  // Of the last lookup, in words; empty if it was answered.
  std::string error;
  ErrorCode failure = ErrorCode::name_unresolved;  // likewise
  std::uint32_t failures = 0;                      // lookups in a row
  TimePoint asked_at{};                            // the last lookup began
  TimePoint answered_at{};                         // the last good answer came; 0 = never
  TimePoint failing_since{};                       // the first of those failures; likewise
  TimePoint failed_at{};                           // and the last of them
  TimePoint next_at{};                             // the next lookup; the past while one runs
};

// What all workers share of one upstream: which addresses it has. Changed by one thread, read by
// all; a change becomes real in each worker when that worker follows the new roster.
//
// A removed address stays on the roster until each worker is done with it: no connection, nobody
// who waits or may still ask for it. If it is back before, it is the same endpoint again, so that
// its limit holds over both of its lives. Else the workers are told to forget it, and when the last
// one has, it is freed.
class SharedUpstream {
 public:
  // More addresses than that are left out.
  static constexpr std::size_t max_endpoints = 256;

  // Endpoints are numbered by `next_number`, which all upstreams of a process share.
  SharedUpstream(const UpstreamOptions& options, unsigned workers, std::size_t& next_number)
      : options_(options), workers_(workers), next_number_(next_number) {}
  SharedUpstream(const SharedUpstream&) = delete;
  SharedUpstream& operator=(const SharedUpstream&) = delete;

  // --- By one thread ---
  // From now on the upstream has these addresses, each given once.
  void replace(std::span<const SocketAddress> addresses);
  // It has none, for this reason.
  void set_lack(Error why);
  // For people: what has become of a name.
  void set_name(const NameState& state);
  // Lets removed addresses go as far as the workers are done with them. Says whether workers have
  // to look at the roster again.
  [[nodiscard]] bool sweep();
  // Whether sweep() will have to be called again.
  [[nodiscard]] bool anything_leaving() const { return leaving_ != 0 || !forgotten_.empty(); }

  // --- By any thread ---
  [[nodiscard]] Roster roster() const;
  // Of those of its servers that are names.
  [[nodiscard]] std::vector<NameState> names() const;

 private:
  [[nodiscard]] bool all_have_left(const Member& member) const;

  const UpstreamOptions& options_;
  const unsigned workers_;
  std::size_t& next_number_;
  std::vector<std::unique_ptr<SharedEndpoint>> endpoints_;  // those of the roster
  std::vector<std::unique_ptr<SharedEndpoint>> forgotten_;  // no longer on it, still held
  std::size_t leaving_ = 0;                                 // members that are removed
  std::uint64_t departures_ = 0;
  mutable std::mutex mutex_;  // guards what stands below
  Roster roster_;
  std::vector<NameState> names_;
};

}  // namespace holdfast
