#pragma once

#include <vector>

#include "admin/census.h"
#include "admin/numbers_reader.h"
#include "admin/status_page.h"
#include "base/timer_wheel.h"

namespace holdfast {

// /api/v1/status: the numbers as JSON.
class NumbersPage final : public StatusPage, private CensusReader {
 public:
  NumbersPage(Census& census, const NumbersReader& numbers) : census_(census), numbers_(numbers) {}

  void serve(const http1::RequestHead& request, LocalReply& reply) override;
  void on_gone(LocalReply& reply) override { std::erase(waiting_, &reply); }

 private:
  void on_census() override;

  Census& census_;
  const NumbersReader& numbers_;
  std::vector<LocalReply*> waiting_;
};

// /events: the same as server-sent events, one a second, for as long as somebody reads. Nothing is
// asked of the workers while nobody does. Who reads too slowly misses events, and costs no memory.
class EventsPage final : public StatusPage, private CensusReader, private Timer {
 public:
  static constexpr std::size_t max_streams = 16;
  static constexpr Duration interval = 1s;

  EventsPage(Census& census, const NumbersReader& numbers, TimerWheel& timers, const Clock& clock)
      : census_(census), numbers_(numbers), timers_(timers), clock_(clock) {}
  EventsPage(const EventsPage&) = delete;
  EventsPage& operator=(const EventsPage&) = delete;
  ~EventsPage() { timers_.disarm(*this); }

  void serve(const http1::RequestHead& request, LocalReply& reply) override;
  void on_gone(LocalReply& reply) override;
  void on_end() override;

 private:
  void on_census() override;
  void on_deadline(TimePoint now) override;
  void send(std::string_view event);

  Census& census_;
  const NumbersReader& numbers_;
  TimerWheel& timers_;
  const Clock& clock_;
  std::vector<LocalReply*> streams_;
};

}  // namespace holdfast
