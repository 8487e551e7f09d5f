#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

// A second reader of HTTP/1.x, written from the grammar of RFC 9110 and RFC 9112 alone: it shares
// no code, no tables and no library with the one it judges, and it prefers being short to being
// fast.
namespace holdfast::fuzz::strict {

struct Field {
  std::string name;  // in lower case
  std::string value;
};

struct Head {
  std::string first;   // the method, or the version of an answer
  std::string second;  // the target, or the status
  std::string third;   // the version of a request, or the reason
  std::vector<Field> fields;
  std::size_t bytes = 0;

  [[nodiscard]] std::vector<std::string> values(std::string_view name) const {
    std::vector<std::string> found;
    for (const Field& field : fields) {
      if (field.name == name) {
        found.push_back(field.value);
      }
    }
    return found;
  }
};

struct Message {
  Head head;
  std::string body;
  std::size_t bytes = 0;  // head and body
  bool ends_by_itself = true;
};

inline bool is_tchar(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
         (c != '\0' && std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos);
}
inline bool is_token(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), is_tchar);
}
inline bool is_vchar(char c) { return c > 0x20 && c != 0x7f; }
// VCHAR, obs-text, SP and HTAB.
inline bool is_text(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) {
    return is_vchar(c) || c == ' ' || c == '\t' || (c & 0x80) != 0;
  });
}
inline bool is_number(std::string_view text) {
  return !text.empty() &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}
inline std::string lowered(std::string_view text) {
  std::string result(text);
  for (char& c : result) {
    c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  }
  return result;
}
inline std::string_view trimmed(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(" \t");
  return begin == std::string_view::npos
             ? std::string_view{}
             : text.substr(begin, text.find_last_not_of(" \t") - begin + 1);
}

// The elements of a list that are not empty, in lower case (RFC 9110 section 5.6.1).
inline std::vector<std::string> elements(const std::vector<std::string>& values) {
  std::vector<std::string> found;
  for (const std::string& value : values) {
    std::size_t begin = 0;
    while (begin <= value.size()) {
      const std::size_t end = std::min(value.find(',', begin), value.size());
      const std::string_view element = trimmed(std::string_view(value).substr(begin, end - begin));
      if (!element.empty()) {
        found.push_back(lowered(element));
      }
      begin = end + 1;
    }
  }
  return found;
}

// The line at `at` without its CRLF, and `at` behind it; nothing if it has no CRLF or holds another
// CR or LF.
inline std::optional<std::string_view> read_line(std::string_view bytes, std::size_t& at) {
  const std::size_t end = bytes.find_first_of("\r\n", at);
  if (end == std::string_view::npos || bytes.substr(end, 2) != "\r\n") {
    return std::nullopt;
  }
  const std::string_view line = bytes.substr(at, end - at);
  at = end + 2;
  return line;
}

// field-name ":" OWS field-value OWS (RFC 9112 section 5).
inline std::optional<Field> read_field(std::string_view line) {
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos || !is_token(line.substr(0, colon)) ||
      !is_text(line.substr(colon + 1))) {
    return std::nullopt;
  }
  return Field{lowered(line.substr(0, colon)), std::string(trimmed(line.substr(colon + 1)))};
}

// The lines up to the empty one, which is passed over.
inline std::optional<std::vector<Field>> read_fields(std::string_view bytes, std::size_t& at) {
  std::vector<Field> fields;
  while (true) {
    const auto line = read_line(bytes, at);
    if (!line) {
      return std::nullopt;
    }
    if (line->empty()) {
      return fields;
    }
    auto field = read_field(*line);
    if (!field) {
      return std::nullopt;
    }
    fields.push_back(*std::move(field));
  }
}

inline bool is_version(std::string_view text) { return text == "HTTP/1.1" || text == "HTTP/1.0"; }

// method SP request-target SP HTTP-version CRLF, then fields (RFC 9112 section 3).
inline std::optional<Head> read_request_head(std::string_view bytes) {
  std::size_t at = 0;
  const auto line = read_line(bytes, at);
  if (!line || std::count(line->begin(), line->end(), ' ') != 2) {
    return std::nullopt;
  }
  const std::size_t first = line->find(' ');
  const std::size_t second = line->rfind(' ');
  Head head{std::string(line->substr(0, first)),
            std::string(line->substr(first + 1, second - first - 1)),
            std::string(line->substr(second + 1)),
            {},
            0};
  const bool target_is_text =
      !head.second.empty() && std::all_of(head.second.begin(), head.second.end(), is_vchar);
  auto fields = read_fields(bytes, at);
  if (!is_token(head.first) || !target_is_text || !is_version(head.third) || !fields) {
    return std::nullopt;
  }
  head.fields = *std::move(fields);
  head.bytes = at;
  return head;
}

// HTTP-version SP 3DIGIT [SP reason] CRLF, then fields (RFC 9112 section 4). The RFC wants the
// second SP; who leaves it out leaves no doubt.
inline std::optional<Head> read_response_head(std::string_view bytes) {
  std::size_t at = 0;
  const auto line = read_line(bytes, at);
  if (!line || line->size() < 12 || (*line)[8] != ' ' ||
      (line->size() > 12 && (*line)[12] != ' ')) {
    return std::nullopt;
  }
  Head head{std::string(line->substr(0, 8)),
            std::string(line->substr(9, 3)),
            std::string(line->size() > 12 ? line->substr(13) : std::string_view{}),
            {},
            0};
  auto fields = read_fields(bytes, at);
  if (!is_version(head.first) || !is_number(head.second) || head.second[0] == '0' ||
      !is_text(head.third) || !fields) {
    return std::nullopt;
  }
  head.fields = *std::move(fields);
  head.bytes = at;
  return head;
}

// *( ";" token [ "=" ( token / quoted-string ) ] ), without the blanks that a sender must not write
// (RFC 9112 section 7.1.1).
inline bool is_chunk_extension(std::string_view text) {
  std::size_t at = 0;
  const auto take_token = [&] {
    const std::size_t begin = at;
    while (at < text.size() && is_tchar(text[at])) {
      ++at;
    }
    return at > begin;
  };
  const auto take_quoted = [&] {
    for (++at; at < text.size() && text[at] != '"'; ++at) {
      at += text[at] == '\\' ? 1 : 0;
    }
    return at++ < text.size();
  };
  while (at < text.size()) {
    if (text[at++] != ';' || !take_token()) {
      return false;
    }
    if (at < text.size() && text[at] == '=') {
      ++at;
      const bool quoted = at < text.size() && text[at] == '"';
      if (!(quoted ? take_quoted() : take_token())) {
        return false;
      }
    }
  }
  return is_text(text);
}

// The payload of the chunks at `at`, which is moved behind the last line (RFC 9112 section 7.1).
inline std::optional<std::string> read_chunks(std::string_view bytes, std::size_t& at) {
  std::string payload;
  while (true) {
    const auto line = read_line(bytes, at);
    if (!line) {
      return std::nullopt;
    }
    const std::size_t digits =
        std::min(line->find_first_not_of("0123456789abcdefABCDEF"), line->size());
    if (digits == 0 || digits > 16 || !is_chunk_extension(line->substr(digits))) {
      return std::nullopt;
    }
    const std::uint64_t size = std::stoull(std::string(line->substr(0, digits)), nullptr, 16);
    if (size == 0) {
      return read_fields(bytes, at) ? std::optional(payload) : std::nullopt;
    }
    if (size > bytes.size() - at || bytes.substr(at + size, 2) != "\r\n") {
      return std::nullopt;
    }
    payload += bytes.substr(at, size);
    at += size + 2;
  }
}

// The body behind a head, by the order of RFC 9112 section 6.3; nothing if it is in doubt or not
// all there. `to_close`: a body without framing goes on to the end of the bytes, else there is
// none.
inline std::optional<Message> read_body(Head head, std::string_view bytes, bool to_close) {
  Message message{std::move(head), {}, 0, true};
  std::size_t at = message.head.bytes;
  const auto codings = message.head.values("transfer-encoding");
  const auto lengths = message.head.values("content-length");
  if (codings.size() + lengths.size() > 1) {
    return std::nullopt;
  }
  if (!codings.empty()) {
    auto payload = read_chunks(bytes, at);
    if (lowered(codings[0]) != "chunked" || !payload) {
      return std::nullopt;
    }
    message.body = *std::move(payload);
  } else if (!lengths.empty()) {
    if (!is_number(lengths[0]) || lengths[0].size() > 19 ||
        std::stoull(lengths[0]) > bytes.size() - at) {
      return std::nullopt;
    }
    message.body = bytes.substr(at, std::stoull(lengths[0]));
    at += message.body.size();
  } else if (to_close) {
    message.body = bytes.substr(at);
    message.ends_by_itself = false;
    at = bytes.size();
  }
  message.bytes = at;
  return message;
}

inline std::optional<Message> read_request(std::string_view bytes) {
  auto head = read_request_head(bytes);
  return head ? read_body(*std::move(head), bytes, false) : std::nullopt;
}

// The answer to a request with this method. An interim one is a message without a body.
inline std::optional<Message> read_response(std::string_view bytes, std::string_view method) {
  auto head = read_response_head(bytes);
  if (!head) {
    return std::nullopt;
  }
  const std::string& status = head->second;
  if (method == "HEAD" || status[0] == '1' || status == "204" || status == "304") {
    const std::size_t size = head->bytes;
    return Message{*std::move(head), {}, size, true};
  }
  return read_body(*std::move(head), bytes, true);
}

}  // namespace holdfast::fuzz::strict
