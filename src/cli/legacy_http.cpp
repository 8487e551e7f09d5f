#include "cli/legacy_http.h"

#include <fmt/format.h>
#include <strings.h>

#include <algorithm>
#include <charconv>

namespace holdfast {
namespace {

bool equal_but_for_case(std::string_view a, std::string_view b) {
  return a.size() == b.size() && strncasecmp(a.begin(), b.begin(), a.size()) == 0;
}

std::string_view trimmed(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) {
    return {};
  }
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

// Takes everything before `end` off the front of `text`, and `end` with it.
std::string_view take_until(std::string_view& text, std::string_view end) {
  const std::string_view taken = text.substr(0, text.find(end));
  text.remove_prefix(std::min(taken.size() + end.size(), text.size()));
  return taken;
}

bool lists(std::string_view value, std::string_view wanted) {
  while (!value.empty()) {
    if (equal_but_for_case(trimmed(take_until(value, ",")), wanted)) {
      return true;
    }
  }
  return false;
}

void read_field(std::string_view name, std::string_view value, LegacyRequest& request) {
  if (equal_but_for_case(name, "connection")) {
    request.keep_alive = request.keep_alive || lists(value, "keep-alive");
  } else if (equal_but_for_case(name, "transfer-encoding")) {
    request.status = 501;
  } else if (equal_but_for_case(name, "content-length")) {
    const auto [end, error] = std::from_chars(value.begin(), value.end(), request.body_bytes);
    if (error != std::errc() || end != value.end()) {
      request.status = 400;
    }
  }
}

std::string_view reason_of(int status) {
  switch (status) {
    case 200:
      return "OK";
    case 501:
      return "Not Implemented";
    default:
      return "Bad Request";
  }
}

}  // namespace

std::optional<LegacyRequest> read_legacy_request(std::string_view received) {
  LegacyRequest request;
  const std::size_t end = received.find("\r\n\r\n");
  if (end == std::string_view::npos) {
    if (received.size() < legacy_head_limit_bytes) {
      return std::nullopt;
    }
    request.head_bytes = received.size();
    request.status = 400;
    return request;
  }
  request.head_bytes = end + 4;
  std::string_view head = received.substr(0, end + 2);
  std::string_view line = take_until(head, "\r\n");
  request.without_body = take_until(line, " ") == "HEAD";
  if (line.find(" HTTP/1.") == std::string_view::npos) {
    request.status = 400;
  }
  while (!head.empty()) {
    std::string_view value = take_until(head, "\r\n");
    const std::string_view name = take_until(value, ":");
    read_field(name, trimmed(value), request);
  }
  // Where the request ends is not known then, so nothing after it can be trusted.
  if (request.status != 200) {
    request.keep_alive = false;
    request.body_bytes = 0;
  }
  return request;
}

std::string legacy_answer(const LegacyRequest& request, std::string_view body) {
  return fmt::format(
      "HTTP/1.0 {} {}\r\nServer: legacy\r\nContent-Type: text/plain\r\n"
      "Content-Length: {}\r\n{}\r\n{}",
      request.status, reason_of(request.status), body.size(),
      request.keep_alive ? "Connection: keep-alive\r\n" : "", request.without_body ? "" : body);
}

}  // namespace holdfast
