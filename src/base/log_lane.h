#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/line_ring.h"
#include "base/wakeup.h"

namespace holdfast {

// One thread's way to the thread that writes its lines. Putting a line never waits: one that there
// is no room for is lost and counted.
class LogLane {
 public:
  LogLane(std::size_t capacity, Wakeup& writer) : ring_(capacity), writer_(writer) {}

  // One line with its line end; or several.
  void put(std::string_view line) {
    if (ring_.push(line)) {
      writer_.ring();
    } else {
      // Only this thread adds to it.
      lost_.store(lost() + 1, std::memory_order_relaxed);
    }
  }

  // From any thread.
  [[nodiscard]] std::uint64_t lost() const { return lost_.load(std::memory_order_relaxed); }

  // For the writer.
  [[nodiscard]] LineRing& ring() { return ring_; }

 private:
  LineRing ring_;
  Wakeup& writer_;
  std::atomic<std::uint64_t> lost_{0};
};

}  // namespace holdfast
