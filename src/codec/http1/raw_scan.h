#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace holdfast::http1 {

// Looks at the raw bytes of a head before anybody splits them, and finds its end.
//
// What passes is made of HTAB, SP, VCHAR, obs-text and whole CRLF only, and no line begins with a
// blank (RFC 9112 sections 2.2 and 5.2). So no later reader can disagree with us about where a line
// ends. Remembers how far it has looked: a head that comes in pieces is looked at once.
class HeadScan {
 public:
  enum class Found : std::uint8_t { need_more, end, refused };

  // Goes on from where it stopped. `bytes` begins with the head.
  [[nodiscard]] Found next(std::string_view bytes);

  // How many bytes have been accepted. After `refused` the offender stands there, or at a CR there.
  [[nodiscard]] std::size_t position() const { return position_; }

  // The size of the start line without its CRLF; 0 as long as its end has not been found.
  [[nodiscard]] std::size_t start_line_bytes() const { return start_line_; }

 private:
  std::uint32_t position_ = 0;
  std::uint32_t line_ = 0;        // where the current line begins
  std::uint32_t start_line_ = 0;  // see start_line_bytes()
};

}  // namespace holdfast::http1
