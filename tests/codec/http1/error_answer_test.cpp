#include "codec/http1/error_answer.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/error.h"

namespace holdfast::http1 {
namespace {

ErrorAnswer busy() {
  return {.status = 503,
          .error = "connection_limit_timeout",
          .proxy_status = "connection_limit_reached",
          .text = "All busy.",
          .hint = "Try again.",
          .request_id = "17",
          .method = Method::get,
          .connection = ConnectionWord::close,
          .retry_after = 2};
}

std::string sent(const ErrorAnswer& answer) {
  std::vector<char> out(error_answer_bytes);
  return {out.data(), encode_error_answer(answer, out).bytes};
}

TEST(ErrorAnswer, IsAShortText) {
  EXPECT_EQ(sent(busy()),
            "HTTP/1.1 503 Service Unavailable\r\nContent-Type: text/plain; charset=utf-8\r\n"
            "Cache-Control: no-store\r\n"
            "Proxy-Status: holdfast; error=connection_limit_reached; "
            "details=\"connection_limit_timeout\"\r\n"
            "X-Request-ID: 17\r\nRetry-After: 2\r\nContent-Length: 86\r\n"
            "Connection: close\r\n\r\n"
            "503 Service Unavailable: connection_limit_timeout\nAll busy. Try again.\n"
            "Request id: 17\n");
}

TEST(ErrorAnswer, IsJsonForWhoeverAsksForIt) {
  ErrorAnswer answer = busy();
  answer.form = AnswerForm::json;
  EXPECT_TRUE(sent(answer).ends_with(
      R"({"status":503,"title":"Service Unavailable","error":"connection_limit_timeout",)"
      R"("detail":"All busy.","hint":"Try again.","request_id":"17"})"
      "\n"));
  EXPECT_NE(sent(answer).find("\r\nContent-Type: application/json\r\n"), std::string::npos);
  answer.form = AnswerForm::problem_json;
  EXPECT_NE(sent(answer).find("\r\nContent-Type: application/problem+json\r\n"), std::string::npos);
}

TEST(ErrorAnswer, SaysOnlyWhatThereIs) {
  ErrorAnswer answer = {.status = 400, .error = "e", .text = "t", .method = Method::get};
  EXPECT_EQ(sent(answer),
            "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\n"
            "Cache-Control: no-store\r\nContent-Length: 21\r\n\r\n400 Bad Request: e\nt\n");
  answer.form = AnswerForm::json;
  EXPECT_TRUE(sent(answer).ends_with(
      "{\"status\":400,\"title\":\"Bad Request\",\"error\":\"e\",\"detail\":\"t\"}\n"));
}

TEST(ErrorAnswer, NamesItsTypeAloneWhereThatIsItsName) {
  ErrorAnswer answer = busy();
  answer.proxy_status = answer.error;
  EXPECT_NE(sent(answer).find("\r\nProxy-Status: holdfast; error=connection_limit_timeout\r\n"),
            std::string::npos);
}

TEST(ErrorAnswer, ToHeadHasTheLengthButNotTheText) {
  ErrorAnswer answer = busy();
  answer.method = Method::head;
  EXPECT_NE(sent(answer).find("\r\nContent-Length: 86\r\n"), std::string::npos);
  EXPECT_TRUE(sent(answer).ends_with("\r\n\r\n"));
  std::vector<char> out(error_answer_bytes);
  EXPECT_EQ(encode_error_answer(answer, out).body_bytes, 0U);
}

TEST(ErrorAnswer, NamesTheMethodsThatAreAllowed) {
  ErrorAnswer answer = busy();
  answer.status = 405;
  EXPECT_NE(sent(answer).find("\r\nAllow: GET, HEAD, "), std::string::npos);
}

TEST(ErrorAnswer, HasAPhraseForEachFailureThatIsAnswered) {
  for (std::size_t i = 0; i < error_code_count; ++i) {
    const ErrorRow& row = error_row(static_cast<ErrorCode>(i));
    if (row.status == 0) {
      continue;
    }
    ErrorAnswer answer = busy();
    answer.status = row.status;
    EXPECT_NE(sent(answer).at(std::string_view("HTTP/1.1 503 ").size()), '\r') << row.status;
    EXPECT_FALSE(hint_of(row).empty());
    EXPECT_FALSE(proxy_status_type(row).empty());
    // Nothing in it needs an escape.
    for (const std::string_view text : {row.name, row.text, hint_of(row)}) {
      EXPECT_EQ(text.find_first_of("\"\\"), std::string_view::npos) << text;
    }
  }
}

TEST(ErrorAnswer, CutsATextThatIsTooLong) {
  const std::string much(5000, 'x');
  const std::string id(max_request_id_bytes, 'i');
  ErrorAnswer answer = busy();
  answer.text = much;
  answer.hint = much;
  answer.request_id = id;
  answer.retry_after = 2147483647;
  for (const auto form : {AnswerForm::text, AnswerForm::problem_json}) {
    answer.form = form;
    EXPECT_LE(sent(answer).size(), error_answer_bytes);
    EXPECT_NE(sent(answer).find(id + (form == AnswerForm::text ? "\n" : "\"}\n")),
              std::string::npos);
  }
}

TEST(AnswerForm, IsWhatAcceptNames) {
  EXPECT_EQ(answer_form(""), AnswerForm::text);
  EXPECT_EQ(answer_form("*/*"), AnswerForm::text);
  EXPECT_EQ(answer_form("text/html,application/xhtml+xml,*/*;q=0.8"), AnswerForm::text);
  EXPECT_EQ(answer_form("Application/JSON, text/plain, */*"), AnswerForm::json);
  EXPECT_EQ(answer_form("application/json, application/problem+json"), AnswerForm::problem_json);
}

}  // namespace
}  // namespace holdfast::http1
