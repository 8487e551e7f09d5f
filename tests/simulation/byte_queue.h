#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/check.h"

namespace holdfast {

// Bytes that come in at the end and go out at the front.
class ByteQueue {
 public:
  void push(std::string_view bytes) { bytes_.append(bytes); }
  void pop(std::size_t count) {
    check(count <= size(), "more bytes are taken than there are");
    begin_ += count;
    if (begin_ == bytes_.size()) {
      clear();
    } else if (begin_ > compact_bytes && begin_ > bytes_.size() / 2) {
      bytes_.erase(0, begin_);
      begin_ = 0;
    }
  }
  void keep(std::size_t count) { bytes_.resize(begin_ + count); }
  void clear() {
    bytes_.clear();
    begin_ = 0;
  }

  [[nodiscard]] std::string_view bytes() const { return std::string_view(bytes_).substr(begin_); }
  [[nodiscard]] std::size_t size() const { return bytes_.size() - begin_; }
  [[nodiscard]] bool empty() const { return begin_ == bytes_.size(); }

 private:
  static constexpr std::size_t compact_bytes = 4096;

  std::string bytes_;
  std::size_t begin_ = 0;
};

}  // namespace holdfast
