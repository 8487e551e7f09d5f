#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace holdfast::http1 {

// What the framing of a chunked body may cost. A sender has no good reason to come near any of
// these.
inline constexpr std::size_t max_chunk_size_digits = 16;
inline constexpr std::size_t max_extension_bytes = 256;         // of one chunk
inline constexpr std::size_t max_extensions_bytes = 16 * 1024;  // of one message
inline constexpr std::size_t max_trailer_bytes = 4 * 1024;      // all trailers without line ends
inline constexpr std::size_t max_framing_excess_bytes = 16 * 1024;  // see ChunkedFrom

// Whose chunks they are: how many bytes of framing a byte of payload justifies. A client that cuts
// its body to crumbs makes work for nothing; a backend may well stream a few characters at a time.
enum class ChunkedFrom : std::uint8_t { client = 1, backend = 8 };

// The strict grammar of all that is not payload in a chunked body (RFC 9112 section 7.1): line ends
// are CRLF, sizes are bare HEXDIG, an extension is a name with or without a value, a trailer is a
// field that neither folds nor names Transfer-Encoding. Nothing of it is kept: extensions and
// trailers are dropped.
class ChunkGrammar {
 public:
  ChunkGrammar() = default;
  explicit ChunkGrammar(ChunkedFrom from) : from_(from) {}

  // Goes on with bytes that are not payload; false if they cannot stand where they stand.
  [[nodiscard]] bool take_framing(std::string_view bytes);

  // Goes on with payload; false if that many bytes are not due now.
  [[nodiscard]] bool take_payload(std::size_t bytes);

  // The line that ends the message has been seen.
  [[nodiscard]] bool complete() const { return place_ == Place::complete; }

  // The sum of all chunk sizes so far.
  [[nodiscard]] std::uint64_t announced() const { return announced_; }

 private:
  // What the next byte belongs to. A `..._lf` place follows a CR.
  enum class Place : std::uint8_t {
    size,
    extension_start,  // of its name
    extension_name,
    value_start,
    value,
    quoted,
    quoted_pair,
    quoted_end,
    size_lf,
    payload,
    payload_cr,
    payload_lf,
    trailer_start,
    trailer_name,
    trailer_value,
    trailer_lf,
    last_lf,
    complete,
  };

  [[nodiscard]] bool take(char c);
  [[nodiscard]] bool wastes() const;
  [[nodiscard]] bool take_size(char c);
  [[nodiscard]] bool take_extension(char c);
  [[nodiscard]] bool follow_extension(char c);
  [[nodiscard]] bool end_extension(char c);
  [[nodiscard]] bool take_trailer(char c);
  [[nodiscard]] bool end_size_line();
  // True and moves on if the byte is the one that must come here.
  [[nodiscard]] bool take_only(char c, char due, Place next);

  std::uint64_t announced_ = 0;
  std::uint64_t framing_ = 0;
  std::uint64_t left_ = 0;  // the size while it is read, then the payload that is due
  std::uint32_t extensions_ = 0;
  std::uint16_t extension_ = 0;
  std::uint16_t trailers_ = 0;
  ChunkedFrom from_ = ChunkedFrom::client;
  Place place_ = Place::size;
  std::uint8_t digits_ = 0;
  // How much of `transfer-encoding` the trailer name has spelled; more than its length: another
  // name.
  std::uint8_t spelled_ = 0;
};

}  // namespace holdfast::http1
