#pragma once

#include <cstddef>
#include <string_view>

namespace holdfast {

// Writes lines to a descriptor without ever waiting for whoever reads them: what it does not take
// at once is lost and counted. Requests must not stand still because of a full disk or of a pipe
// that nobody empties. Does not own the descriptor.
class LineWriter {
 public:
  explicit LineWriter(int descriptor) : descriptor_(descriptor) {}

  // One line with its line end. Returns false if it is lost, or a part of it.
  bool write(std::string_view line);

  // How many lines were lost since the last call.
  [[nodiscard]] std::size_t take_lost();

 private:
  [[nodiscard]] bool write_all(std::string_view bytes);
  [[nodiscard]] bool ready() const;

  int descriptor_;
  std::size_t lost_ = 0;
  bool torn_ = false;  // the last line was taken in part: the next one begins on a line of its own
};

}  // namespace holdfast
