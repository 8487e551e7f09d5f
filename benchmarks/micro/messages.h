#pragma once

#include <string_view>

namespace holdfast {

// What a browser's request and a plain server's answer look like.
inline constexpr std::string_view browser_request =
    "GET /articles/2026/11/a-page-of-some-kind?utm_source=feed HTTP/1.1\r\n"
    "Host: www.example.test\r\n"
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:109.0) Gecko/20100101 Firefox/115.0\r\n"
    "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/webp,*/*;q=0.8\r\n"
    "Accept-Language: en-US,en;q=0.5\r\n"
    "Accept-Encoding: gzip, deflate, br\r\n"
    "Connection: keep-alive\r\n"
    "Cookie: token=5f2c0e7a9b3d41c68e0f; theme=dark; seen=1\r\n"
    "Upgrade-Insecure-Requests: 1\r\n"
    "Sec-Fetch-Dest: document\r\n"
    "Cache-Control: max-age=0\r\n"
    "\r\n";

inline constexpr std::string_view small_request = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";

inline constexpr std::string_view server_answer =
    "HTTP/1.1 200 OK\r\n"
    "Server: nginx/1.22.1\r\n"
    "Date: Sat, 21 Nov 2026 12:00:00 GMT\r\n"
    "Content-Type: text/html; charset=utf-8\r\n"
    "Content-Length: 1024\r\n"
    "Last-Modified: Fri, 20 Nov 2026 12:00:00 GMT\r\n"
    "Connection: keep-alive\r\n"
    "ETag: \"65a0c1f2-400\"\r\n"
    "Accept-Ranges: bytes\r\n"
    "\r\n";

}  // namespace holdfast
