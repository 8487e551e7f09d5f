#pragma once

#include <vector>

#include "admin/census.h"
#include "admin/numbers_reader.h"
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
//
// What is wrong with a server is told by `?verbose` and does not count: were holdfast taken out of
// service for one upstream, it would be missed for all others, and by all replicas at once.
class ReadyPage final : public StatusPage, private CensusReader {
 public:
  ReadyPage(const Workers& workers, Census& census, const NumbersReader& numbers)
      : workers_(workers), census_(census), numbers_(numbers) {}

  void serve(const http1::RequestHead& request, LocalReply& reply) override;
  void on_gone(LocalReply& reply) override { std::erase(waiting_, &reply); }

 private:
  void on_census() override;

  const Workers& workers_;
  Census& census_;
  const NumbersReader& numbers_;
  std::vector<LocalReply*> waiting_;
};

// What `?verbose` says: a line for each check, then the verdict.
[[nodiscard]] std::string readiness_text(const StatusNumbers& numbers);

}  // namespace holdfast
