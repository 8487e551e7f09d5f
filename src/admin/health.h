#pragma once

#include <vector>

#include "admin/census.h"
#include "admin/status_page.h"

namespace holdfast {

// /livez: every event loop turns. Whoever restarts what is not alive asks this.
class LivePage final : public StatusPage, private CensusReader {
 public:
  explicit LivePage(Census& census) : census_(census) {}

  void serve(const http1::RequestHead& request, LocalReply& reply) override;
  void on_gone(LocalReply& reply) override { std::erase(waiting_, &reply); }

 private:
  void on_census() override;

  Census& census_;
  std::vector<LocalReply*> waiting_;
};

// /readyz: requests are welcome. Whoever shares out requests among several asks this. It says no
// from the first word of an end on, while what comes is still served.
class ReadyPage final : public StatusPage {
 public:
  explicit ReadyPage(const Workers& workers) : workers_(workers) {}

  void serve(const http1::RequestHead& request, LocalReply& reply) override;

 private:
  const Workers& workers_;
};

}  // namespace holdfast
