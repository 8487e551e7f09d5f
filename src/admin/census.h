#pragma once

#include <functional>
#include <vector>

#include "admin/report.h"
#include "base/time.h"
#include "base/timer_wheel.h"
#include "net/address.h"

namespace holdfast {

// The workers, as the status pages reach them. All that is asked is read-only.
class Workers {
 public:
  [[nodiscard]] virtual unsigned count() const = 0;
  // Has the worker fill the report on its own thread; `told` is then called on the thread of the
  // status pages. False if that worker has ended: nothing follows.
  [[nodiscard]] virtual bool ask(unsigned worker, WorkerReport& report,
                                 std::function<void()> told) = 0;
  // The process is about to end: it still serves, but nobody should send it more.
  [[nodiscard]] virtual bool ending() const = 0;
  // Where a listener is bound to, its port chosen by the kernel if 0 was asked for.
  [[nodiscard]] virtual SocketAddress listening_address(std::size_t listener) const = 0;
  // Lines of the access log that were lost so far.
  [[nodiscard]] virtual std::uint64_t lost_log_lines() const = 0;

 protected:
  ~Workers() = default;
};

// Who waits for a census.
class CensusReader {
 public:
  virtual void on_census() = 0;

 protected:
  ~CensusReader() = default;
};

// Asks all workers at once and waits for them, but not for ever: a worker that is stuck is counted
// as such and its report comes too late. One runs at a time; who asks meanwhile gets the same
// answer. A report belongs to its worker from the question to the answer, so nothing is locked.
class Census final : private Timer {
 public:
  // A loop that does not turn for so long is stuck.
  static constexpr Duration patience = 1s;

  Census(Workers& workers, TimerWheel& timers, const Clock& clock);
  Census(const Census&) = delete;
  Census& operator=(const Census&) = delete;
  ~Census() { timers_.disarm(*this); }

  // The reader hears of the end once, in this call or later.
  void take(CensusReader& reader);

  // Valid in on_census: what the worker has said, or null.
  [[nodiscard]] const WorkerReport* report(unsigned worker) const;
  // It was asked and has not answered.
  [[nodiscard]] bool stuck(unsigned worker) const { return places_[worker].asked; }
  [[nodiscard]] unsigned workers() const { return static_cast<unsigned>(places_.size()); }

 private:
  struct Place {
    WorkerReport report;
    bool asked = false;  // the report is its worker's now
    bool told = false;   // in this census
  };

  void begin();
  void on_deadline(TimePoint now) override;
  void on_told(unsigned worker);
  [[nodiscard]] bool waiting() const;
  void finish();

  Workers& workers_;
  TimerWheel& timers_;
  const Clock& clock_;
  std::vector<Place> places_;  // by worker; never moves
  std::vector<CensusReader*> readers_;
  bool running_ = false;
};

}  // namespace holdfast
