#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

// Messages that say whose they are: sound requests, each with a tag, and sound answers with the tag
// of the request that they are for.
namespace holdfast::fuzz {

inline constexpr char tag_mark = '~';

struct Request {
  std::string tag;  // ~client.request~
  std::string method;
  bool http11 = true;
};

struct Typed {
  Request request;
  std::string text;
  bool is_last = false;  // it says that no other will follow
};

struct Answer {
  std::string text;
  bool ends_after = false;  // the backend closes behind it
};

// How each tag of a client begins.
inline std::string tag_begin(std::size_t client) {
  return std::string(1, tag_mark) + std::to_string(client) + ".";
}

// All tags in the bytes.
inline std::vector<std::string> tags_in(std::string_view bytes) {
  std::vector<std::string> found;
  for (std::size_t begin = bytes.find(tag_mark); begin != std::string_view::npos;
       begin = bytes.find(tag_mark, begin + 1)) {
    const std::size_t end = bytes.find_first_not_of("0123456789.", begin + 1);
    if (end != std::string_view::npos && bytes[end] == tag_mark) {
      found.emplace_back(bytes.substr(begin, end - begin + 1));
    }
  }
  return found;
}

inline std::string without_tags(std::string_view bytes) {
  std::string result(bytes);
  std::replace(result.begin(), result.end(), tag_mark, '-');
  return result;
}

inline std::string chunk_of(std::string_view bytes) {
  char line[32];
  std::snprintf(line, sizeof(line), "%zx\r\n", bytes.size());
  return line + std::string(bytes) + "\r\n";
}

inline std::string content_length(std::string_view body) {
  return "Content-Length: " + std::to_string(body.size()) + "\r\n";
}

// The request with this number of a client, of one of eight kinds.
inline Typed request_of(std::size_t client, std::size_t number, std::uint8_t kind) {
  const std::string tag = tag_begin(client) + std::to_string(number) + tag_mark;
  const std::string body = tag + std::string((kind >> 3) * 9U, 'b');
  const std::string rest = " /" + tag + " HTTP/1.1\r\nHost: a\r\n";
  const auto typed = [&](const std::string& method, const std::string& behind) {
    return Typed{{tag, method, true}, method + rest + behind, false};
  };
  switch (kind % 8) {
    case 0:
    case 1:
      return typed("GET", "\r\n");
    case 2:
      return typed("HEAD", "\r\n");
    case 3:
      return typed("POST", content_length(body) + "\r\n" + body);
    case 4:
      return typed("POST", "Transfer-Encoding: chunked\r\n\r\n" + chunk_of(body.substr(0, 3)) +
                               chunk_of(body.substr(3)) + "0\r\n\r\n");
    case 5:
      return typed("PUT", "Expect: 100-continue\r\n" + content_length(body) + "\r\n" + body);
    case 6:
      return {{tag, "GET", false},
              "GET /" + tag + " HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
              false};
    default: {
      Typed last = typed("DELETE", "Connection: close\r\n\r\n");
      last.is_last = true;
      return last;
    }
  }
}

// A sound answer to what was asked, of one of ten kinds.
inline Answer answer_to(const Request& asked, std::uint8_t kind) {
  const std::string body = asked.tag + std::string((kind >> 4) * 40U, 'y') + ".";
  const std::string own = "X-Tag: " + asked.tag + "\r\n";
  const std::string length = own + content_length(body);
  const bool has_body = asked.method != "HEAD";
  const std::string shown = has_body ? body : "";
  switch (kind % 10) {
    case 0:
      return {"HTTP/1.1 200 OK\r\n" + own + "Transfer-Encoding: chunked\r\n\r\n" +
                  (has_body ? chunk_of(body) + "0\r\n\r\n" : ""),
              false};
    case 1:
      return {"HTTP/1.1 200 OK\r\n" + own + "\r\n" + shown, true};
    case 2:
      return {"HTTP/1.1 204 No Content\r\n" + own + "\r\n", false};
    case 3:
      return {"HTTP/1.1 304 Not Modified\r\n" + length + "\r\n", false};
    case 4:
      return {"HTTP/1.1 103 Early Hints\r\n" + own + "\r\nHTTP/1.1 200 OK\r\n" + length + "\r\n" +
                  shown,
              false};
    case 5:
      return {"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n" + length + "\r\n" + shown, false};
    case 6:
      return {"HTTP/1.0 200 OK\r\n" + own + "\r\n" + shown, true};
    case 7:
      return {"HTTP/1.1 200 OK\r\nConnection: close\r\n" + length + "\r\n" + shown, true};
    default:
      return {"HTTP/1.1 200 OK\r\n" + length + "\r\n" + shown, false};
  }
}

}  // namespace holdfast::fuzz
