#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "codec/http1/encoder.h"
#include "codec/http1/head.h"

namespace holdfast::http1 {

// What the body of an answer of our own is written as.
enum class AnswerForm : std::uint8_t { text, json, problem_json };

// JSON for whoever asks for it by name in Accept, problem+json (RFC 9457) likewise; else text.
[[nodiscard]] AnswerForm answer_form(std::string_view accept);

// A whole answer of our own to a request that failed. None of its texts is the client's but the
// request id, which is sane; nothing of it names what is behind us.
struct ErrorAnswer {
  int status = 0;
  std::string_view error{};         // the name of the failure
  std::string_view proxy_status{};  // its type for Proxy-Status (RFC 9209); empty: no such field
  std::string_view text{};          // what happened, a sentence
  std::string_view hint{};          // what may help, another
  std::string_view request_id{};    // empty: none
  Method method = Method::other;    // for HEAD the body is announced but not written
  ConnectionWord connection = ConnectionWord::none;
  AnswerForm form = AnswerForm::text;
  int retry_after = 0;  // seconds, 0 for none
};

struct ErrorAnswerSize {
  std::size_t bytes = 0;
  std::size_t body_bytes = 0;  // of these
};

// Writes it; what is too long for that room is cut. At most error_answer_bytes.
inline constexpr std::size_t error_answer_bytes = 2048;
[[nodiscard]] ErrorAnswerSize encode_error_answer(const ErrorAnswer& answer, std::span<char> out);

}  // namespace holdfast::http1
