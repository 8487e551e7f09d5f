#include "proxy/request_counts.h"

#include "base/memory.h"

namespace holdfast {

// Without memory for a tally the request is not counted; the next one tries again.
void RequestCounts::find(const Upstream* upstream) {
  upstream_ = upstream;
  last_ = nullptr;
  for (const Row& row : rows_) {
    if (row.upstream == upstream) {
      last_ = row.counts.get();
      return;
    }
  }
  static_cast<void>(has_memory_for([&] {
    rows_.push_back({upstream, std::make_unique<RequestTally>()});
    last_ = rows_.back().counts.get();
  }));
}

}  // namespace holdfast
