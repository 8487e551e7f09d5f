#pragma once

#include "admin/census.h"
#include "admin/health.h"
#include "admin/metrics_page.h"
#include "admin/numbers_pages.h"
#include "admin/people_page.h"
#include "admin/status_site.h"

namespace holdfast {

// All that the status listener shows. Lives on the loop of the worker that has the listener.
class Status {
 public:
  Status(const Config& config, Workers& workers, TimerWheel& timers, const Clock& clock)
      : census_(workers, timers, clock),
        numbers_(config, workers, census_, clock),
        live_(census_),
        ready_(workers, census_, numbers_),
        metrics_(census_, workers, clock),
        api_(census_, numbers_),
        events_(census_, numbers_, timers, clock),
        site_(config.status) {
    site_.add("/", Audience::this_machine, people_);
    site_.add("/api/v1/status", Audience::this_machine, api_);
    site_.add("/events", Audience::this_machine, events_);
    site_.add("/livez", Audience::anyone, live_);
    site_.add("/readyz", Audience::anyone, ready_);
    site_.add("/healthz", Audience::anyone, ready_);
    site_.add("/metrics", Audience::anyone, metrics_);
  }

  [[nodiscard]] LocalResponder& responder() { return site_; }
  void on_end() { site_.on_end(); }

 private:
  Census census_;
  NumbersReader numbers_;
  LivePage live_;
  ReadyPage ready_;
  MetricsPage metrics_;
  PeoplePage people_;
  NumbersPage api_;
  EventsPage events_;
  StatusSite site_;
};

}  // namespace holdfast
