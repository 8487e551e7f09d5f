#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "base/time.h"

namespace holdfast {

// What a backend announces in `Keep-Alive: timeout=, max=`.
struct AnnouncedLimits {
  std::optional<Duration> idle_timeout{};
  std::optional<std::uint64_t> more_requests{};
};

// The limits that a backend has for connections, learned from what it announces and from how it
// closes: after which idle time, and after how many requests.
//
// An early close is believed soon and a late one slowly: who is too careful opens a connection too
// many, who is not loses a request. What one worker sees of one endpoint; no clock.
class LearnedLimits {
 public:
  // Nothing is known yet: below the shortest limit that is common, 5 s.
  static constexpr Duration first_safe = 4s;
  // No connection is handed out after this idle time, whatever the backend allows.
  static constexpr Duration longest_safe = 60s;
  // A connection that ends sooner after an answer has not ended for being idle.
  static constexpr Duration quick = 100ms;

  // The backend has ended a connection that had been idle for so long.
  void note_idle_end(Duration idle, TimePoint now);
  // It has left one open that had been idle for so long.
  void note_idle_survived(Duration idle);
  // It has ended one without a word, less than `quick` behind its answer to so many requests.
  void note_request_end(std::uint64_t requests, Duration idle, TimePoint now);
  // It has left one open behind its answer to so many requests.
  void note_carried(std::uint64_t requests) { carried_ = std::max(carried_, requests); }
  // It has announced that it will end one after this answer, the last of so many.
  void note_announced_end(std::uint64_t requests);
  // It has left one open that had carried request_cap() requests.
  void note_cap_survived();
  // A connection has come to request_cap() requests: is this one to be watched beyond it, to see
  // whether the backend still ends it then? The first ones after it was learned, then ever fewer.
  [[nodiscard]] bool watches_beyond_cap();
  // It announces its limits in the answer to the request of this number.
  void note_announced(const AnnouncedLimits& announced, std::uint64_t requests);
  // The loop came so late to a connection's deadline: deadlines have to be earlier by that.
  void note_lag(Duration lag);

  // A connection idle for longer must not be handed out.
  [[nodiscard]] Duration safe_idle() const;
  // A connection that is not handed out any more is left to the backend to close until it has been
  // idle for so long.
  [[nodiscard]] Duration patience() const;
  // The last request that a connection may carry, since the backend ends it then without a word;
  // 0: it does not.
  [[nodiscard]] std::uint64_t request_cap() const { return cap_; }

  // For people: when the backend closes, as far as it is known.
  [[nodiscard]] std::optional<Duration> idle_limit() const;
  [[nodiscard]] std::uint64_t request_limit() const { return cap_ != 0 ? cap_ : told_cap_; }

 private:
  // A restart ends connections of all ages at one moment; a limit ends them all at one age.
  static constexpr Duration one_moment = 500ms;
  static constexpr std::size_t remembered = 8;
  // So many times in a row what was learned has to be outlived to be wrong.
  static constexpr std::uint32_t proofs = 3;
  // Of so many connections that come to the cap at least one is watched beyond it.
  static constexpr std::uint32_t most_unwatched = 16;

  // Connections that end behind different numbers of requests in one moment end for a restart.
  [[nodiscard]] bool restarts(std::uint64_t requests, TimePoint now);
  void set_cap(std::uint64_t requests);

  [[nodiscard]] std::optional<Duration> observed() const;
  [[nodiscard]] Duration margin(Duration limit) const;

  std::array<Duration, remembered> ends_{};  // idle times at which it closed, the latest ones
  std::size_t ended_ = 0;                    // how many of them there are
  std::size_t next_end_ = 0;
  TimePoint last_end_at_{};
  Duration last_end_{};
  bool restarting_ = false;  // the last ends were of all ages
  std::optional<Duration> announced_{};
  Duration survived_{};         // the longest that was, since the last end
  std::uint32_t outlived_ = 0;  // how often in a row idle_limit() was
  Duration lag_{};
  std::uint64_t last_requests_ = 0;  // of the last connection that ended behind an answer
  std::uint64_t carried_ = 0;        // the most that one has carried since then
  TimePoint moment_began_{};         // of the ends behind an answer
  bool restarted_ = false;           // in this moment
  std::uint64_t cap_ = 0;
  std::uint32_t unwatched_ = 0;    // connections that came to the cap since one was watched
  std::uint32_t watch_after_ = 1;  // so many
  std::uint64_t last_told_ = 0;    // likewise of one whose end was announced
  std::uint64_t told_cap_ = 0;
  std::uint32_t cap_outlived_ = 0;
};

}  // namespace holdfast
