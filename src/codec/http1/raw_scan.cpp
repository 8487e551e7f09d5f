#include "codec/http1/raw_scan.h"

#include "codec/http1/characters.h"

namespace holdfast::http1 {

HeadScan::Found HeadScan::next(std::string_view bytes) {
  while (position_ < bytes.size()) {
    const bool at_line_start = position_ == line_;
    if (at_line_start && is_blank(bytes[position_])) {
      return Found::refused;
    }
    position_ = static_cast<std::uint32_t>(find_control(bytes, position_));
    if (position_ == bytes.size()) {
      return Found::need_more;
    }
    if (bytes[position_] == '\t') {
      ++position_;
      continue;
    }
    if (bytes[position_] != '\r') {
      return Found::refused;
    }
    if (position_ + 1 == bytes.size()) {
      return Found::need_more;
    }
    if (bytes[position_ + 1] != '\n') {
      return Found::refused;
    }
    const std::uint32_t line_bytes = position_ - line_;
    if (line_bytes == 0) {
      // An empty line ends the head, unless it is the first.
      if (start_line_ == 0) {
        return Found::refused;
      }
      position_ += 2;
      return Found::end;
    }
    position_ += 2;
    line_ = position_;
    if (start_line_ == 0) {
      start_line_ = line_bytes;
    }
  }
  return Found::need_more;
}

}  // namespace holdfast::http1
