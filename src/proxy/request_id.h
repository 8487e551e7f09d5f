#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "codec/http1/encoder.h"
#include "codec/http1/head.h"

namespace holdfast {

// The name of a request in the logs of everybody on its way: 128 bits, written as 32 hex digits.
struct RequestId {
  static constexpr std::size_t text_bytes = 32;

  std::uint64_t high = 0;
  std::uint64_t low = 0;

  // False for the one that stands for none.
  [[nodiscard]] bool made() const { return (high | low) != 0; }
  // Writes the text into `out`, which has text_bytes.
  [[nodiscard]] std::string_view write_text(char* out) const;
};

// Makes ids that no other worker or process makes. They are unique, not secret (xoshiro256++).
class RequestIds {
 public:
  [[nodiscard]] RequestId next();

 private:
  [[nodiscard]] std::uint64_t step();

  std::array<std::uint64_t, 4> state_{};  // seeded by the kernel when the first id is made
};

// True for what a client may call its request: 1 to 128 letters, digits and `._~:/+=-`.
[[nodiscard]] bool sane_request_id(std::string_view text);

// The id that a request came with; empty if it has none, several or one that is not sane.
[[nodiscard]] std::string_view request_id_of(const http1::RequestHead& head);

}  // namespace holdfast
