#pragma once

#include "admin/census.h"
#include "admin/health.h"
#include "admin/metrics_page.h"
#include "admin/status_site.h"

namespace holdfast {

// All that the status listener shows. Lives on the loop of the worker that has the listener.
class Status {
 public:
  Status(const StatusOptions& options, Workers& workers, TimerWheel& timers, const Clock& clock)
      : census_(workers, timers, clock),
        live_(census_),
        ready_(workers),
        metrics_(census_, clock),
        site_(options) {
    site_.add("/metrics", Audience::anyone, metrics_);
    site_.add("/livez", Audience::anyone, live_);
    site_.add("/readyz", Audience::anyone, ready_);
    site_.add("/healthz", Audience::anyone, ready_);
  }

  [[nodiscard]] LocalResponder& responder() { return site_; }
  void on_end() { site_.on_end(); }

 private:
  Census census_;
  LivePage live_;
  ReadyPage ready_;
  MetricsPage metrics_;
  StatusSite site_;
};

}  // namespace holdfast
