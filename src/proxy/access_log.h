#pragma once

#include <cstdint>
#include <memory>

#include "base/log_lane.h"
#include "base/time.h"
#include "proxy/access_line.h"
#include "proxy/exchange_record.h"
#include "proxy/options.h"

namespace holdfast {

// The access log of one worker: chooses the exchanges that are logged, makes their lines and puts
// them on the worker's lane. Never waits.
class AccessLog final : public ExchangeReader {
 public:
  // `seed` is another for each worker, so that they do not choose alike.
  AccessLog(const AccessLogOptions& options, LogLane& lane, std::uint64_t seed);

  void on_exchange(const ExchangeRecord& record) override;

 private:
  [[nodiscard]] bool chooses(const ExchangeRecord& record);
  [[nodiscard]] Duration wall_time(TimePoint moment);

  const AccessLogOptions options_;
  LogLane& lane_;
  AccessLine line_;
  std::unique_ptr<char[]> room_ = std::make_unique_for_overwrite<char[]>(AccessLine::max_bytes);
  std::uint64_t random_state_;
  Duration wall_offset_{};  // from the loop's time to the wall clock's, looked at once a second
  TimePoint next_look_{};
};

}  // namespace holdfast
