#include "codec/http1/request_words.h"

#include <algorithm>
#include <cstddef>

#include "codec/http1/characters.h"
#include "codec/http1/fields.h"

namespace holdfast::http1 {
namespace {

// Cuts the first line off, with its end.
std::string_view take_line(std::string_view& rest) {
  const std::size_t end = std::min(rest.find('\n'), rest.size());
  std::string_view line = rest.substr(0, end);
  rest.remove_prefix(std::min(end + 1, rest.size()));
  if (line.ends_with('\r')) {
    line.remove_suffix(1);
  }
  return line;
}

// Empty lines may stand before a request (RFC 9112 section 2.2).
void skip_empty_lines(std::string_view& raw_head) {
  raw_head.remove_prefix(std::min(raw_head.find_first_not_of("\r\n"), raw_head.size()));
}

void split_start_line(RequestWords& words) {
  const std::size_t method_end = words.line.find(' ');
  const std::size_t version_begin = words.line.rfind(' ');
  if (method_end == std::string_view::npos || method_end == version_begin) {
    return;
  }
  words.method = words.line.substr(0, method_end);
  words.version = words.line.substr(version_begin + 1);
  words.path = words.line.substr(method_end + 1, version_begin - method_end - 1);
  const std::size_t scheme_end = words.path.find("://");
  if (scheme_end == std::string_view::npos || words.path.starts_with('/')) {
    return;
  }
  const std::string_view authority = words.path.substr(scheme_end + 3);
  words.host = authority.substr(0, authority.find_first_of("/?"));
  words.path = authority.substr(words.host.size());
}

// Whether one of the names below begins so: most lines are passed over by that.
bool may_be_wanted(char first) {
  constexpr std::string_view firsts = "haruxtHARUXT";
  return firsts.find(first) != std::string_view::npos;
}

std::string_view* word_of(RequestWords& words, std::string_view name) {
  switch (name.size()) {
    case 4:
      return equal_ignoring_case(name, "host") ? &words.host : nullptr;
    case 6:
      return equal_ignoring_case(name, "accept") ? &words.accept : nullptr;
    case 7:
      return equal_ignoring_case(name, "referer") ? &words.referer : nullptr;
    case 10:
      return equal_ignoring_case(name, "user-agent") ? &words.user_agent : nullptr;
    case 11:
      return equal_ignoring_case(name, "traceparent") ? &words.traceparent : nullptr;
    case 12:
      return equal_ignoring_case(name, "x-request-id") ? &words.request_id : nullptr;
    default:
      return nullptr;
  }
}

}  // namespace

std::string_view first_line(std::string_view raw_head) {
  skip_empty_lines(raw_head);
  return take_line(raw_head);
}

RequestWords read_request_words(std::string_view raw_head) {
  RequestWords words;
  skip_empty_lines(raw_head);
  words.line = take_line(raw_head);
  split_start_line(words);
  while (!raw_head.empty()) {
    const std::string_view line = take_line(raw_head);
    if (line.empty()) {
      break;  // what follows is no part of the head
    }
    if (!may_be_wanted(line.front())) {
      continue;
    }
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos) {
      continue;
    }
    std::string_view* const word = word_of(words, line.substr(0, colon));
    if (word == nullptr) {
      continue;
    }
    if (word->data() == nullptr) {
      *word = trim_blanks(line.substr(colon + 1));
    } else if (word == &words.request_id) {
      *word = word->substr(0, 0);
    }
  }
  return words;
}

}  // namespace holdfast::http1
