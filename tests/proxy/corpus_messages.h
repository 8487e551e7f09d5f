#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "proxy/corpus_rows.h"

namespace holdfast::corpus {

// One message as it was written. Strict in what tells where it ends: the canonical length, or
// chunks as we write them.
struct Message {
  std::string start;
  std::vector<std::pair<std::string, std::string>> fields;
  std::string body;

  [[nodiscard]] std::vector<std::string> values(std::string_view name) const {
    std::vector<std::string> found;
    for (const auto& [field, value] : fields) {
      if (field == name) {
        found.push_back(value);
      }
    }
    return found;
  }
};

inline std::string lower(std::string text) {
  std::ranges::transform(text, text.begin(), [](unsigned char c) { return std::tolower(c); });
  return text;
}

inline Message read_head(std::string_view head) {
  Message message;
  bool first = true;
  for (const std::string& line : split(head, "\r\n")) {
    if (first) {
      message.start = line;
      first = false;
      continue;
    }
    const std::size_t colon = line.find(": ");
    EXPECT_NE(colon, std::string::npos) << line;
    message.fields.emplace_back(lower(line.substr(0, colon)), line.substr(colon + 2));
  }
  return message;
}

// The place behind the chunks at `at`, or nothing as long as they are not all there.
inline std::optional<std::size_t> read_chunks(std::string_view bytes, std::size_t at,
                                              std::string& body) {
  while (true) {
    const std::size_t line_end = bytes.find("\r\n", at);
    if (line_end == std::string_view::npos) {
      return std::nullopt;
    }
    const std::string digits(bytes.substr(at, line_end - at));
    EXPECT_TRUE(digits == "0" || (digits[0] != '0' && digits.find_first_not_of(
                                                          "0123456789abcdef") == std::string::npos))
        << digits;
    const std::size_t size = std::stoull(digits, nullptr, 16);
    const std::size_t end = line_end + 2 + size + 2;
    if (bytes.size() < end) {
      return std::nullopt;
    }
    EXPECT_EQ(bytes.substr(end - 2, 2), "\r\n");
    if (size == 0) {
      return end;
    }
    body += bytes.substr(line_end + 2, size);
    at = end;
  }
}

enum class Has { body, no_body };

// Takes the first message out of the bytes if it is whole there.
inline std::optional<Message> take_message(std::string& bytes, Has has) {
  const std::size_t head_end = bytes.find("\r\n\r\n");
  if (head_end == std::string::npos) {
    return std::nullopt;
  }
  Message message = read_head(std::string_view(bytes).substr(0, head_end));
  std::size_t end = head_end + 4;
  const std::vector<std::string> lengths = message.values("content-length");
  const std::vector<std::string> codings = message.values("transfer-encoding");
  EXPECT_LE(lengths.size() + codings.size(), 1U) << bytes;
  if (has == Has::body && !codings.empty()) {
    EXPECT_EQ(codings[0], "chunked");
    const auto chunks_end = read_chunks(bytes, end, message.body);
    if (!chunks_end) {
      return std::nullopt;
    }
    end = *chunks_end;
  } else if (has == Has::body && !lengths.empty()) {
    const std::size_t size = std::stoull(lengths[0]);
    EXPECT_EQ(std::to_string(size), lengths[0]);
    if (bytes.size() < end + size) {
      return std::nullopt;
    }
    message.body = bytes.substr(end, size);
    end += size;
  }
  bytes.erase(0, end);
  return message;
}

}  // namespace holdfast::corpus
