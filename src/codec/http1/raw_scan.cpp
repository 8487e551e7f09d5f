#include "codec/http1/raw_scan.h"

#include "codec/http1/characters.h"

namespace holdfast::http1 {

HeadScan::Found HeadScan::next(std::string_view bytes) {
  // In variables of their own, which can live in registers: a byte could be one of the members.
  std::size_t at = position_;
  std::size_t line = line_;
  const auto stop = [&](Found found) {
    position_ = static_cast<std::uint32_t>(at);
    line_ = static_cast<std::uint32_t>(line);
    return found;
  };
  while (at < bytes.size()) {
    if (at == line && is_blank(bytes[at])) {
      return stop(Found::refused);
    }
    at = find_control(bytes, at);
    if (at == bytes.size()) {
      return stop(Found::need_more);
    }
    if (bytes[at] == '\t') {
      ++at;
      continue;
    }
    if (bytes[at] != '\r') {
      return stop(Found::refused);
    }
    if (at + 1 == bytes.size()) {
      return stop(Found::need_more);
    }
    if (bytes[at + 1] != '\n') {
      return stop(Found::refused);
    }
    if (at == line) {
      // An empty line ends the head, unless it is the first.
      if (start_line_ == 0) {
        return stop(Found::refused);
      }
      at += 2;
      return stop(Found::end);
    }
    if (start_line_ == 0) {
      start_line_ = static_cast<std::uint32_t>(at - line);
    }
    at += 2;
    line = at;
  }
  return stop(Found::need_more);
}

}  // namespace holdfast::http1
