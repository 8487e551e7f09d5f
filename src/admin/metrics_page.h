#pragma once

#include <string>
#include <vector>

#include "admin/census.h"
#include "admin/machine.h"
#include "admin/status_page.h"

namespace holdfast {

// The metrics of the whole process in the Prometheus text format: the reports of those workers that
// have answered.
struct MetricsSource {
  const std::vector<const WorkerReport*>& workers;  // null where a worker has not answered
  const MachineFigures& machine;
  std::uint64_t lost_log_lines = 0;
};
[[nodiscard]] std::string render_metrics(const MetricsSource& source);

// /metrics: one census for each question, so that the sums of an answer hold.
class MetricsPage final : public StatusPage, private CensusReader {
 public:
  MetricsPage(Census& census, const Workers& workers, const Clock& clock)
      : census_(census), workers_(workers), clock_(clock) {}

  void serve(const http1::RequestHead& request, LocalReply& reply) override;
  void on_gone(LocalReply& reply) override { std::erase(waiting_, &reply); }

 private:
  void on_census() override;

  Census& census_;
  const Workers& workers_;
  const Clock& clock_;
  Machine machine_;
  std::vector<LocalReply*> waiting_;
};

}  // namespace holdfast
