#include "simulation/strict_http.h"

#include <algorithm>

namespace holdfast {
namespace {

constexpr std::string_view crlf = "\r\n";
constexpr std::size_t max_chunk_digits = 8;

bool is_token(std::string_view text) {
  constexpr std::string_view marks = "!#$%&'*+-.^_`|~";
  return !text.empty() && std::ranges::all_of(text, [&](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           marks.find(c) != std::string_view::npos;
  });
}

bool is_text(std::string_view text) {
  return std::ranges::all_of(text, [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte == '\t' || (byte >= 0x20 && byte != 0x7f);
  });
}

std::string_view without_blanks(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) {
    text.remove_prefix(1);
  }
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) {
    text.remove_suffix(1);
  }
  return text;
}

std::string_view split_field(std::string_view line, StrictHead& head) {
  if (line.front() == ' ' || line.front() == '\t') {
    return "a folded line";
  }
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos || !is_token(line.substr(0, colon))) {
    return "a field without a name";
  }
  if (!is_text(line.substr(colon + 1))) {
    return "a control character in a field";
  }
  head.fields.push_back({line.substr(0, colon), without_blanks(line.substr(colon + 1))});
  return {};
}

std::optional<bool> http11(std::string_view version) {
  if (version == "HTTP/1.1" || version == "HTTP/1.0") {
    return version.back() == '1';
  }
  return std::nullopt;
}

}  // namespace

bool same_text(std::string_view a, std::string_view lower_case) {
  return a.size() == lower_case.size() &&
         std::equal(a.begin(), a.end(), lower_case.begin(), [](char c, char lower) {
           return (c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c) == lower;
         });
}

std::optional<std::uint64_t> strict_number(std::string_view digits) {
  constexpr std::size_t max_digits = 18;
  std::uint64_t number = 0;
  for (const char c : digits) {
    if (c < '0' || c > '9') {
      return std::nullopt;
    }
    number = number * 10 + static_cast<std::uint64_t>(c - '0');
  }
  return digits.empty() || digits.size() > max_digits ? std::nullopt : std::optional(number);
}

std::size_t StrictHead::count(std::string_view name) const {
  return static_cast<std::size_t>(std::ranges::count_if(
      fields, [&](const StrictField& field) { return same_text(field.name, name); }));
}

std::string_view StrictHead::value(std::string_view name) const {
  std::string_view found;
  for (const StrictField& field : fields) {
    if (same_text(field.name, name)) {
      found = field.value;
    }
  }
  return count(name) == 1 ? found : std::string_view();
}

std::string_view split_strictly(std::string_view text, StrictHead& head) {
  std::size_t end = text.find(crlf);
  head.start_line = text.substr(0, end);
  if (!is_text(head.start_line)) {
    return "a control character in a start line";
  }
  for (std::size_t at = end + crlf.size(); at < text.size(); at = end + crlf.size()) {
    end = text.find(crlf, at);
    if (end == std::string_view::npos) {
      return "a line without CRLF";
    }
    if (end == at) {
      return at + crlf.size() == text.size() ? std::string_view() : "bytes behind the empty line";
    }
    if (const std::string_view wrong = split_field(text.substr(at, end - at), head);
        !wrong.empty()) {
      return wrong;
    }
  }
  return "no empty line";
}

std::optional<StrictRequestLine> strict_request_line(std::string_view line) {
  const std::size_t first = line.find(' ');
  const std::size_t last = line.rfind(' ');
  if (first == std::string_view::npos || last <= first + 1) {
    return std::nullopt;
  }
  StrictRequestLine read{line.substr(0, first), line.substr(first + 1, last - first - 1), false};
  const auto version = http11(line.substr(last + 1));
  if (!version || !is_token(read.method) || read.target.find(' ') != std::string_view::npos) {
    return std::nullopt;
  }
  read.http11 = *version;
  return read;
}

std::optional<StrictStatusLine> strict_status_line(std::string_view line) {
  constexpr std::size_t least_bytes = 13;  // HTTP/1.1 200 and a blank
  const auto version = http11(line.substr(0, 8));
  if (line.size() < least_bytes || !version || line[8] != ' ' || line[12] != ' ') {
    return std::nullopt;
  }
  const auto status = strict_number(line.substr(9, 3));
  if (!status || *status < 100) {
    return std::nullopt;
  }
  return StrictStatusLine{static_cast<int>(*status), *version};
}

std::size_t StrictHeadReader::feed(std::string_view bytes) {
  constexpr std::string_view end_of_head = "\r\n\r\n";
  const std::size_t before = text_.size();
  const std::size_t look_from = before < 3 ? 0 : before - 3;
  text_.append(bytes.substr(0, max_bytes));
  const std::size_t end = text_.find(end_of_head, look_from);
  if (end == std::string::npos) {
    return bytes.size();
  }
  complete_ = true;
  text_.resize(end + end_of_head.size());
  return text_.size() - before;
}

void StrictBody::start(StrictFraming framing, std::uint64_t length) {
  framing_ = framing;
  left_ = length;
  line_.clear();
  switch (framing) {
    case StrictFraming::none:
      state_ = State::complete;
      return;
    case StrictFraming::length:
      state_ = length == 0 ? State::complete : State::payload;
      return;
    case StrictFraming::chunked:
      state_ = State::size_line;
      return;
    case StrictFraming::until_close:
      left_ = ~std::uint64_t{0};
      state_ = State::payload;
      return;
  }
}

StrictBody::Piece StrictBody::next(std::string_view bytes) {
  if (complete() || broken() || bytes.empty()) {
    return {};
  }
  return state_ == State::payload ? take_payload(bytes) : take_line(bytes);
}

StrictBody::Piece StrictBody::take_payload(std::string_view bytes) {
  const std::string_view payload = bytes.substr(0, std::min<std::uint64_t>(left_, bytes.size()));
  left_ -= payload.size();
  if (left_ == 0) {
    state_ = framing_ == StrictFraming::chunked ? State::chunk_end : State::complete;
  }
  return {payload.size(), payload};
}

StrictBody::Piece StrictBody::take_line(std::string_view bytes) {
  std::size_t taken = 0;
  while (taken < bytes.size() && !line_.ends_with(crlf)) {
    line_ += bytes[taken++];
    if (line_.size() > max_chunk_digits + crlf.size()) {
      state_ = State::broken;
      return {taken, {}};
    }
  }
  if (line_.ends_with(crlf)) {
    line_.resize(line_.size() - crlf.size());
    judge_line();
    line_.clear();
  }
  return {taken, {}};
}

void StrictBody::judge_line() {
  if (state_ != State::size_line) {
    state_ = !line_.empty()               ? State::broken
             : state_ == State::chunk_end ? State::size_line
                                          : State::complete;
    return;
  }
  left_ = 0;
  for (const char c : line_) {
    constexpr std::string_view hex = "0123456789abcdef";
    const std::size_t digit = hex.find(c);
    if (digit == std::string_view::npos) {
      state_ = State::broken;
      return;
    }
    left_ = left_ * 16 + digit;
  }
  state_ = line_.empty() ? State::broken : left_ == 0 ? State::last_end : State::payload;
}

}  // namespace holdfast
