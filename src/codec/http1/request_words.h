#pragma once

#include <string_view>

namespace holdfast::http1 {

// What a log or an error answer says of a request: views into its raw head. A field that is missing
// is null, one without a value empty; of several the first counts. Credentials are not among them.
struct RequestWords {
  std::string_view line;  // the start line as it came, without its end
  std::string_view method;
  std::string_view path;  // with the query; of an absolute-form target what is behind the authority
  std::string_view version;  // "HTTP/1.1"
  std::string_view host;     // of the target if that names one, else of the Host field
  std::string_view user_agent;
  std::string_view referer;
  std::string_view accept;
  std::string_view request_id;  // of X-Request-ID; empty if there are several
  std::string_view traceparent;
};

// Reads them once more from a head that was decoded before, which nothing is decided by. Of one
// that was refused it tells as much as it can.
[[nodiscard]] RequestWords read_request_words(std::string_view raw_head);

// The first line of what should be a head, without its end.
[[nodiscard]] std::string_view first_line(std::string_view raw_head);

}  // namespace holdfast::http1
