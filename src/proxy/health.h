#pragma once

#include <cstdint>
#include <optional>

#include "base/error.h"
#include "base/time.h"

namespace holdfast {

// Whether a server deserves requests, as one worker has seen it: serving, or set aside.
//
// A server is set aside when connections to it fail, or when it takes requests and says nothing, in
// a row. After a short pause, longer each time, it is tried: first a connection is opened for which
// nobody waits, then one request goes to it. An answer puts it back; anything else sets it aside
// for longer. What this machine is short of must never be told to it. Knows facts only: no socket,
// no clock.
class Health {
 public:
  // So many attempts may fail in a row, while other connections show that the server is there.
  static constexpr std::uint32_t tolerated_failures = 3;
  // So many requests in a row may be lost without a word.
  static constexpr std::uint32_t tolerated_silences = 5;
  // The pauses, half of each at random: the first one, and the longest. A longer one would save
  // next to nothing, because no request waits for a trial, and would keep a server waiting that is
  // back.
  static constexpr Duration first_pause = 1s;
  static constexpr Duration max_pause = 4s;

  enum class Standing : std::uint8_t { serving, aside };
  enum class Change : std::uint8_t { none, set_aside };
  // Whether another connection to the server is open.
  enum class Sign : std::uint8_t { of_life, none };

  // --- What happened ---
  [[nodiscard]] Change on_connect_failed(Error error, Sign sign, TimePoint now,
                                         std::uint64_t random);
  void on_connected();
  // A request was taken, or its connection at least, and no answer came.
  [[nodiscard]] Change on_silence(Error error, TimePoint now, std::uint64_t random);
  // An answer has come: one per request. True: it puts the server back, for come_back() to do.
  // Without a trial, answers say nothing about a server that takes no new connections.
  [[nodiscard]] bool on_answer() {
    silences_ = 0;
    return !serving() && (connects() || trial_ == Trial::asked);
  }
  void come_back(TimePoint now);

  // --- The trial of a server that is set aside ---
  [[nodiscard]] bool trial_due(TimePoint now) const {
    return standing_ == Standing::aside && now >= trial_at_ &&
           (trial_ == Trial::none || trial_ == Trial::asked);
  }
  // A connection is being opened for it.
  void begin_trial() { trial_ = Trial::connecting; }
  // A connection is there: the next request may be the one.
  [[nodiscard]] bool trial_ready() const { return trial_ == Trial::ready; }
  // A request was given to it. If nothing is heard of that for a pause, there will be another
  // trial.
  void ask(TimePoint now);
  // The connection was given up before anything was known of the server.
  void drop_trial() { trial_ = Trial::none; }
  [[nodiscard]] bool connecting() const { return trial_ == Trial::connecting; }

  // --- What is known ---
  [[nodiscard]] bool serving() const { return standing_ == Standing::serving; }
  [[nodiscard]] Standing standing() const { return standing_; }
  // Since when; the beginning of time if it never was otherwise.
  [[nodiscard]] TimePoint since() const { return since_; }
  // The last failure, also after it is forgiven, and when it was.
  [[nodiscard]] const std::optional<Error>& last_error() const { return last_error_; }
  [[nodiscard]] TimePoint failed_at() const { return failed_at_; }
  // How long the present pause is, or was at first.
  [[nodiscard]] Duration pause() const { return jittered_; }
  [[nodiscard]] TimePoint trial_at() const { return trial_at_; }
  // Its last connection attempt has succeeded, whatever else is held against it.
  [[nodiscard]] bool connects() const { return failures_ == 0; }

 private:
  enum class Trial : std::uint8_t { none, connecting, ready, asked };

  [[nodiscard]] Change set_aside(TimePoint now, std::uint64_t random);

  Standing standing_ = Standing::serving;
  Trial trial_ = Trial::none;   // always none while it is serving
  std::uint32_t failures_ = 0;  // attempts in a row
  std::uint32_t silences_ = 0;  // requests in a row
  Duration pause_{};            // without its jitter; 0 while it is serving
  Duration jittered_{};         // the last one as it was
  TimePoint trial_at_{};        // valid while it is set aside
  TimePoint since_{};
  TimePoint failed_at_{};  // valid with last_error_
  std::optional<Error> last_error_;
};

}  // namespace holdfast
