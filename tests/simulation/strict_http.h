#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace holdfast {

// The simulation's own reading of HTTP/1.x (RFC 9112), shared by its clients and backends and with
// nothing of the proxy's. It takes the grammar at its narrowest: what a proxy writes has no excuse.

struct StrictField {
  std::string_view name;
  std::string_view value;
};

// A head, split. Views into the text that was given.
struct StrictHead {
  std::string_view start_line;
  std::vector<StrictField> fields;

  // The value of the only field of that name, in lower case letters; empty if there is none or
  // more than one.
  [[nodiscard]] std::string_view value(std::string_view name) const;
  [[nodiscard]] std::size_t count(std::string_view name) const;
};

[[nodiscard]] bool same_text(std::string_view a, std::string_view lower_case);
[[nodiscard]] std::optional<std::uint64_t> strict_number(std::string_view digits);

// Splits a head that ends with an empty line; gives what is wrong with it, or an empty text.
[[nodiscard]] std::string_view split_strictly(std::string_view text, StrictHead& head);

struct StrictRequestLine {
  std::string_view method;
  std::string_view target;
  bool http11 = false;
};
[[nodiscard]] std::optional<StrictRequestLine> strict_request_line(std::string_view line);

struct StrictStatusLine {
  int status = 0;
  bool http11 = false;
};
[[nodiscard]] std::optional<StrictStatusLine> strict_status_line(std::string_view line);

// Gathers a head from its pieces.
class StrictHeadReader {
 public:
  static constexpr std::size_t max_bytes = 256 * 1024;

  // Takes what belongs to the head and says how much that was.
  [[nodiscard]] std::size_t feed(std::string_view bytes);
  [[nodiscard]] bool complete() const { return complete_; }
  [[nodiscard]] bool begun() const { return !text_.empty(); }
  [[nodiscard]] std::string_view text() const { return text_; }
  void reset() {
    text_.clear();
    complete_ = false;
  }

 private:
  std::string text_;
  bool complete_ = false;
};

enum class StrictFraming : std::uint8_t { none, length, chunked, until_close };

// Takes the framing off a body. Chunks have no extensions and no trailers behind them.
class StrictBody {
 public:
  void start(StrictFraming framing, std::uint64_t length);

  struct Piece {
    std::size_t consumed = 0;
    std::string_view payload;
  };
  // The next piece at the front of the bytes.
  [[nodiscard]] Piece next(std::string_view bytes);
  [[nodiscard]] bool complete() const { return state_ == State::complete; }
  [[nodiscard]] bool broken() const { return state_ == State::broken; }
  [[nodiscard]] StrictFraming framing() const { return framing_; }

 private:
  enum class State : std::uint8_t { payload, size_line, chunk_end, last_end, complete, broken };

  [[nodiscard]] Piece take_payload(std::string_view bytes);
  [[nodiscard]] Piece take_line(std::string_view bytes);
  void judge_line();

  StrictFraming framing_ = StrictFraming::none;
  State state_ = State::complete;
  std::uint64_t left_ = 0;
  std::string line_;
};

}  // namespace holdfast
