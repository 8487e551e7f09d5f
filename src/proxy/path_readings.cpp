#include "proxy/path_readings.h"

#include "codec/http1/characters.h"

namespace holdfast {
namespace {

// The choices of a reading.
constexpr unsigned odd_separators = 1;  // `\`, %2F and %5C are separators
constexpr unsigned merge = 2;           // of several separators one counts
constexpr unsigned parameters = 4;      // `;` and what follows it is no part of the name
constexpr unsigned dots = 8;            // `.` and `..` are resolved (RFC 3986 section 5.2.4)

// A byte of a path with its percent-encoding undone. What is not quite an encoding stands for
// itself.
struct Byte {
  char value = 0;
  bool encoded = false;
};

Byte take_byte(std::string_view& rest) {
  Byte byte{rest.front()};
  if (byte.value == '%' && rest.size() >= 3) {
    const int high = http1::hex_value(rest[1]);
    const int low = http1::hex_value(rest[2]);
    if (high >= 0 && low >= 0) {
      byte = {static_cast<char>(high * 16 + low), true};
      rest.remove_prefix(2);
    }
  }
  rest.remove_prefix(1);
  return byte;
}

}  // namespace

// Finds out which choices matter. Too many cost time only, so it need not be exact.
PathReadings::PathReadings(std::string_view path) : path_(path) {
  bool after_separator = false;
  for (std::string_view rest = path; !rest.empty();) {
    const Byte byte = take_byte(rest);
    const bool separates = byte.value == '/' || byte.value == '\\';
    has_zero_ |= byte.value == '\0';
    doubts_ |= separates && (byte.encoded || byte.value == '\\') ? odd_separators : 0;
    doubts_ |= separates && after_separator ? merge : 0;
    doubts_ |= byte.value == '.' && after_separator ? dots : 0;
    doubts_ |= byte.value == ';' && !byte.encoded ? parameters : 0;
    doubts_ |= byte.value == ';' && !byte.encoded && after_separator ? merge : 0;
    after_separator = separates;
  }
}

std::string_view PathReadings::next() {
  if (exhausted_) {
    return {};
  }
  begin();
  read(path_);
  // The next subset of the doubts; after the last one it is the empty one again.
  choices_ = (choices_ - doubts_) & doubts_;
  exhausted_ = choices_ == 0;
  return {text_.data(), size_};
}

void PathReadings::begin() {
  text_[0] = '/';
  size_ = 1;
  segments_beyond_ = 0;
  segment_bytes_ = 0;
  only_dots_ = true;
  in_parameter_ = false;
}

void PathReadings::read(std::string_view path) {
  std::string_view rest = path.substr(path.starts_with('/') ? 1 : 0);
  while (!rest.empty()) {
    const Token token = take(rest);
    if (token.separates) {
      end_segment(false);
    } else {
      put(token.byte);
    }
  }
  end_segment(true);
}

PathReadings::Token PathReadings::take(std::string_view& rest) const {
  const Byte byte = take_byte(rest);
  const bool is_odd = byte.value == '\\' || (byte.value == '/' && byte.encoded);
  if (is_odd) {
    return {not_a_separator, (choices_ & odd_separators) != 0};
  }
  if (byte.value == ';' && byte.encoded) {
    return {not_a_separator, false};
  }
  return {byte.value, byte.value == '/'};
}

void PathReadings::put(char byte) {
  if (in_parameter_ || (byte == ';' && (choices_ & parameters) != 0)) {
    in_parameter_ = true;
    return;
  }
  ++segment_bytes_;
  only_dots_ = only_dots_ && byte == '.';
  if (segments_beyond_ == 0 && size_ < text_.size()) {
    text_[size_++] = byte;
  }
}

void PathReadings::end_segment(bool is_last) {
  const bool is_dot =
      (choices_ & dots) != 0 && only_dots_ && (segment_bytes_ == 1 || segment_bytes_ == 2);
  const bool is_dropped = is_dot || (segment_bytes_ == 0 && (choices_ & merge) != 0);
  if (is_dot) {
    if (segments_beyond_ == 0) {
      while (text_[size_ - 1] != '/') {
        --size_;
      }
    }
    if (segment_bytes_ == 2) {
      step_back();
    }
  }
  segment_bytes_ = 0;
  only_dots_ = true;
  in_parameter_ = false;
  if (is_dropped || is_last) {
    return;
  }
  if (segments_beyond_ == 0 && size_ < text_.size()) {
    text_[size_++] = '/';
  } else {
    ++segments_beyond_;
  }
}

// Takes the segment before the present, empty one away, with the separator behind it.
void PathReadings::step_back() {
  if (segments_beyond_ > 0) {
    if (--segments_beyond_ > 0) {
      return;
    }
  } else if (size_ > 1) {
    --size_;
  }
  while (text_[size_ - 1] != '/') {
    --size_;
  }
}

}  // namespace holdfast
