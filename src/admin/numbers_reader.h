#pragma once

#include "admin/census.h"
#include "admin/status_numbers.h"
#include "config/config.h"

namespace holdfast {

// Makes one set of numbers of what all workers have said in the last census.
class NumbersReader {
 public:
  NumbersReader(const Config& config, const Workers& workers, const Census& census,
                const Clock& clock);

  // In on_census, when the reports are valid.
  [[nodiscard]] StatusNumbers read() const;

 private:
  void add_listeners(StatusNumbers& numbers, const WorkerReport& sum) const;

  const Config& config_;
  const Workers& workers_;
  const Census& census_;
  const Clock& clock_;
  const TimePoint started_;
};

}  // namespace holdfast
