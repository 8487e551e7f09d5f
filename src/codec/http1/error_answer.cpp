#include "codec/http1/error_answer.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "base/check.h"
#include "codec/http1/characters.h"

namespace holdfast::http1 {
namespace {

// A text in room of its own, cut where that ends.
class Text {
 public:
  explicit Text(std::span<char> room) : room_(room) {}

  template <class... Arguments>
  void add(fmt::format_string<Arguments...> format, const Arguments&... arguments) {
    const std::span<char> left = room_.subspan(bytes_);
    const auto written =
        fmt::vformat_to_n(left.data(), left.size(), format, fmt::make_format_args(arguments...));
    bytes_ += std::min(written.size, left.size());
  }
  [[nodiscard]] std::string_view text() const { return {room_.data(), bytes_}; }

 private:
  std::span<char> room_;
  std::size_t bytes_ = 0;
};

// Each text at its longest.
constexpr std::size_t max_text_bytes = 256;
constexpr std::size_t max_body_bytes = 1024;

std::string_view short_enough(std::string_view text) { return text.substr(0, max_text_bytes); }

void write_text_body(Text& body, const ErrorAnswer& answer) {
  body.add("{} {}: {}\n{}", answer.status, reason_of(answer.status), answer.error,
           short_enough(answer.text));
  if (!answer.hint.empty()) {
    body.add(" {}", short_enough(answer.hint));
  }
  body.add("\n");
  if (!answer.request_id.empty()) {
    body.add("Request id: {}\n", answer.request_id);
  }
}

// The members of RFC 9457, and two of ours.
void write_json_body(Text& body, const ErrorAnswer& answer) {
  body.add(R"({{"status":{},"title":"{}","error":"{}","detail":"{}")", answer.status,
           reason_of(answer.status), answer.error, short_enough(answer.text));
  if (!answer.hint.empty()) {
    body.add(R"(,"hint":"{}")", short_enough(answer.hint));
  }
  if (!answer.request_id.empty()) {
    body.add(R"(,"request_id":"{}")", answer.request_id);
  }
  body.add("}}\n");
}

std::string_view type_of(AnswerForm form) {
  switch (form) {
    case AnswerForm::text:
      return "text/plain; charset=utf-8";
    case AnswerForm::json:
      return "application/json";
    case AnswerForm::problem_json:
      break;
  }
  return "application/problem+json";
}

void write_head(Text& head, const ErrorAnswer& answer, std::size_t body_bytes) {
  head.add("HTTP/1.1 {} {}\r\nContent-Type: {}\r\nCache-Control: no-store\r\n", answer.status,
           reason_of(answer.status), type_of(answer.form));
  if (!answer.proxy_status.empty()) {
    head.add("Proxy-Status: holdfast; error={}", answer.proxy_status);
    if (answer.proxy_status != answer.error) {
      head.add("; details=\"{}\"", answer.error);
    }
    head.add("\r\n");
  }
  if (!answer.request_id.empty()) {
    head.add("X-Request-ID: {}\r\n", answer.request_id);
  }
  if (answer.status == 405) {
    // RFC 9110 section 15.5.6 demands it.
    head.add("Allow: GET, HEAD, POST, PUT, DELETE, OPTIONS, PATCH\r\n");
  }
  if (answer.retry_after > 0) {
    head.add("Retry-After: {}\r\n", answer.retry_after);
  }
  head.add("Content-Length: {}\r\n", body_bytes);
  if (answer.connection != ConnectionWord::none) {
    head.add("Connection: {}\r\n",
             answer.connection == ConnectionWord::close ? "close" : "keep-alive");
  }
  head.add("\r\n");
}

bool contains_ignoring_case(std::string_view text, std::string_view lower_word) {
  const auto same = [](char a, char b) { return lower(a) == b; };
  return std::search(text.begin(), text.end(), lower_word.begin(), lower_word.end(), same) !=
         text.end();
}

}  // namespace

AnswerForm answer_form(std::string_view accept) {
  if (contains_ignoring_case(accept, "application/problem+json")) {
    return AnswerForm::problem_json;
  }
  return contains_ignoring_case(accept, "application/json") ? AnswerForm::json : AnswerForm::text;
}

ErrorAnswerSize encode_error_answer(const ErrorAnswer& answer, std::span<char> out) {
  check(out.size() >= error_answer_bytes, "no room for an answer of our own");
  char body_room[max_body_bytes];
  Text body(body_room);
  if (answer.form == AnswerForm::text) {
    write_text_body(body, answer);
  } else {
    write_json_body(body, answer);
  }
  const std::size_t body_bytes = body.text().size();
  Text whole(out);
  write_head(whole, answer, body_bytes);
  if (answer.method == Method::head) {
    return {.bytes = whole.text().size(), .body_bytes = 0};
  }
  whole.add("{}", body.text());
  return {.bytes = whole.text().size(), .body_bytes = body_bytes};
}

}  // namespace holdfast::http1
