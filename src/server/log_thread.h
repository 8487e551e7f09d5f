#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>

#include "base/log_lane.h"

namespace holdfast {

// The thread that writes the access log: it empties the lanes of the workers into one file, pipe or
// standard output, in batches. Whatever becomes of that, a full disk or a pipe that nobody reads,
// no worker waits for it; lines that find their lane full are lost, counted, and told of once a
// second at most.
class LogThread {
 public:
  // The lines of so many bytes may wait in a lane: a tenth of a second of 100,000 a second.
  static constexpr std::size_t lane_bytes = std::size_t{4} * 1024 * 1024;

  // `path` is a file's, or LogTarget::standard_output.
  explicit LogThread(std::string path, std::size_t bytes_per_lane = lane_bytes);
  LogThread(const LogThread&) = delete;
  LogThread& operator=(const LogThread&) = delete;
  ~LogThread();

  // Before start(), one for each thread that puts lines. Valid until end().
  [[nodiscard]] LogLane& add_lane();

  // Opens the file. Returns an errno value, and the thread has not started if that is not 0.
  [[nodiscard]] int start();

  // From any thread: opens the file anew, as it may have been renamed.
  void reopen();

  // Writes what waits in the lanes, as far as it is taken within a bound, and ends the thread.
  // Nothing is put any more.
  void end();

  // Lines lost so far. From any thread until end().
  [[nodiscard]] std::uint64_t lost() const;

 private:
  struct Work;

  std::unique_ptr<Work> work_;  // gone only if the thread could not be ended
  std::uint64_t lost_ = 0;      // what it had lost then
  std::thread thread_;
};

}  // namespace holdfast
