#pragma once

#include <array>
#include <cstddef>
#include <string_view>

#include "proxy/route_options.h"

namespace holdfast {

// The ways in which backends may read the path of one request (RFC 3986 section 6.2.2 and the
// habits of servers). All of them undo percent-encoding once. They differ in whether a backslash
// and an encoded slash or backslash separate segments, whether empty segments are dropped, whether
// what follows a `;` belongs to a segment's name, and whether dot segments are resolved. Only those
// readings are made that may differ for this path, so that an ordinary path has one.
class PathReadings {
 public:
  // `path` is origin-form, without its query; it outlives the readings.
  explicit PathReadings(std::string_view path);

  // No backend can be trusted with it: it contains an encoded zero byte, where some end a path.
  [[nodiscard]] bool hopeless() const { return has_zero_; }

  // The beginning of the next reading, as far as the path of a route may be long and one byte more.
  // Valid until the next call; empty when there is no other. What is read as part of a name though
  // it looks like a separator stands there as `not_a_separator`.
  [[nodiscard]] std::string_view next();

  static constexpr char not_a_separator = '\1';

 private:
  struct Token {
    char byte = 0;
    bool separates = false;
  };

  [[nodiscard]] Token take(std::string_view& rest) const;
  void begin();
  void read(std::string_view path);
  void put(char byte);
  void end_segment(bool is_last);
  void step_back();

  std::string_view path_;
  unsigned doubts_ = 0;   // the choices that make a difference to this path
  unsigned choices_ = 0;  // those of the next reading
  bool exhausted_ = false;
  bool has_zero_ = false;

  // The reading under way. The text always ends with the `/` before the present segment, or with
  // the part of that segment that has come and has room. What has no room is only counted.
  std::array<char, max_route_path_bytes + 1> text_;
  std::size_t size_ = 0;
  std::size_t segments_beyond_ = 0;  // separators that had no room
  std::size_t segment_bytes_ = 0;
  bool only_dots_ = true;  // so far, in this segment
  bool in_parameter_ = false;
};

}  // namespace holdfast
