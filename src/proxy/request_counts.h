#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "proxy/exchange_record.h"
#include "proxy/tally.h"

namespace holdfast {

// The requests of one listener in one worker, by upstream. A tally is made when the first request
// of its kind has ended: as many as there are routes, and one for those that led nowhere.
class RequestCounts {
 public:
  void count(const ExchangeRecord& record) {
    if (last_ == nullptr || record.upstream != upstream_) {
      find(record.upstream);
    }
    if (last_ != nullptr) {
      last_->add(record.method, record.status);
    }
  }

  struct Row {
    const Upstream* upstream;  // null for those that had none
    std::unique_ptr<RequestTally> counts;
  };
  [[nodiscard]] const std::vector<Row>& rows() const { return rows_; }

 private:
  void find(const Upstream* upstream);

  std::vector<Row> rows_;
  const Upstream* upstream_ = nullptr;  // of last_
  RequestTally* last_ = nullptr;        // where the last request was counted; null without memory
};

}  // namespace holdfast
