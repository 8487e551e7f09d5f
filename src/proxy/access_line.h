#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "base/time.h"
#include "codec/http1/request_words.h"
#include "proxy/options.h"

namespace holdfast {

// What the access log says of one exchange. Views are valid while the line is made.
struct AccessFacts {
  Duration ended{};  // by the wall clock, since 1970
  std::string_view client;
  http1::RequestWords request;
  int status = 0;              // 0: no answer was begun
  std::uint64_t bytes_in = 0;  // of the bodies
  std::uint64_t bytes_out = 0;
  Duration duration{};
  // Unset for what has not happened.
  std::optional<Duration> wait;        // for a connection
  std::optional<Duration> connect;     // until one was open that was opened for this request
  std::optional<Duration> first_byte;  // of the answer, since the request's
  std::string_view upstream;
  std::string_view server;
  std::string_view error;
  std::string_view request_id;
  bool reused = false;              // the connection had served before
  std::uint64_t connection = 0;     // its number; 0: there was none
  std::uint64_t request_of_it = 0;  // the how many-th request over it this was
  std::uint32_t tries = 0;
  std::string_view retired;  // why the connection was not used again
};

// Makes the lines of the access log. Remembers the text of the last second, so that its time is
// taken apart once a second. Whatever a client sends, a line stays one line, and JSON stays JSON.
class AccessLine {
 public:
  explicit AccessLine(AccessLogFormat format);

  // What is kept of each text that a client sends; what is longer ends with "...".
  static constexpr std::size_t max_text_bytes = 2048;
  // Enough for any line: seven such texts with each byte escaped, and all else.
  static constexpr std::size_t max_bytes = std::size_t{7} * 6 * max_text_bytes + 4096;

  // Writes the line, with its end, and returns its size. `out` has max_bytes.
  [[nodiscard]] std::size_t write(const AccessFacts& facts, std::span<char> out);

 private:
  // "2026-01-31T23:59:59." in UTC, or "31/Jan/2026:23:59:59 +0000" in local time.
  void remember_second(std::int64_t second);

  AccessLogFormat format_;
  std::int64_t second_ = -1;
  char second_text_[32] = {};
  std::size_t second_bytes_ = 0;
};

}  // namespace holdfast
