#include "proxy/access_line.h"

#include <time.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdlib>
#include <cstring>

#include "base/check.h"
#include "base/log_text.h"

namespace holdfast {
namespace {

constexpr std::string_view ellipsis = "...";

// Which bytes a text may hold as they are: one table for each way to escape.
using Plain = std::array<bool, 256>;

constexpr Plain plain_but(std::string_view others, unsigned last) {
  Plain plain{};
  for (unsigned byte = 0x20; byte <= last; ++byte) {
    plain[byte] = others.find(static_cast<char>(byte)) == std::string_view::npos;
  }
  return plain;
}

// As nginx escapes its variables.
constexpr Plain plain_in_combined = plain_but("\"\\", 0x7e);
constexpr Plain plain_in_quotes = plain_but("\"\\", 0x7e);
// A value of logfmt that needs no quotes.
constexpr Plain plain_bare = plain_but(" =\"\\", 0x7e);

constexpr std::string_view upper_digits = "0123456789ABCDEF";
constexpr std::string_view lower_digits = "0123456789abcdef";

// Writes a line into room that is known to be large enough.
class Line {
 public:
  explicit Line(std::span<char> room) : begin_(room.data()), at_(begin_) {}

  void add(std::string_view text) {
    if (!text.empty()) {
      std::memcpy(at_, text.data(), text.size());
      at_ += text.size();
    }
  }
  void add(char c) { *at_++ = c; }
  void add_number(std::uint64_t number) { at_ = std::to_chars(at_, at_ + 20, number).ptr; }
  void add_digits(std::uint64_t number, int digits) {
    for (int i = digits; i-- > 0; number /= 10) {
      at_[i] = static_cast<char>('0' + number % 10);
    }
    at_ += digits;
  }
  // In seconds, as exact as it is known, to a microsecond.
  void add_seconds(Duration duration) {
    const auto micros = static_cast<std::uint64_t>(std::max<std::int64_t>(0, duration / 1us));
    add_number(micros / 1'000'000);
    add('.');
    if (micros % 1000 == 0) {
      add_digits(micros / 1000 % 1000, 3);
    } else {
      add_digits(micros % 1'000'000, 6);
    }
  }

  // The text with each byte that is not plain as `escape` writes it. `escape(line, rest)` returns
  // how many bytes it has dealt with.
  template <class Escape>
  void add_escaped(std::string_view text, const Plain& plain, Escape escape) {
    const bool cut = text.size() > AccessLine::max_text_bytes;
    std::string_view rest = text.substr(0, AccessLine::max_text_bytes);
    while (!rest.empty()) {
      std::size_t run = 0;
      while (run < rest.size() && plain[static_cast<unsigned char>(rest[run])]) {
        ++run;
      }
      add(rest.substr(0, run));
      rest.remove_prefix(run);
      if (!rest.empty()) {
        rest.remove_prefix(escape(*this, rest));
      }
    }
    if (cut) {
      add(ellipsis);
    }
  }

  [[nodiscard]] std::size_t size() const { return static_cast<std::size_t>(at_ - begin_); }

 private:
  char* begin_;
  char* at_;
};

void add_hex(Line& line, unsigned byte, std::string_view digits) {
  line.add(digits[byte >> 4 & 0xf]);
  line.add(digits[byte & 0xf]);
}

std::size_t escape_as_nginx(Line& line, std::string_view rest) {
  line.add("\\x");
  add_hex(line, static_cast<unsigned char>(rest.front()), upper_digits);
  return 1;
}

// RFC 8259 section 7. What is no UTF-8 becomes U+FFFD; the second set of control characters (U+0080
// to U+009F) commands some terminals as the first one does.
std::size_t escape_as_json(Line& line, std::string_view rest) {
  const auto byte = static_cast<unsigned char>(rest.front());
  const std::size_t sequence = utf8_sequence_bytes(rest);
  if (sequence == 0) {
    line.add("\\ufffd");
    return 1;
  }
  if (byte == '"' || byte == '\\') {
    line.add('\\');
    line.add(rest.front());
  } else if (sequence == 1 || (byte == 0xc2 && static_cast<unsigned char>(rest[1]) < 0xa0)) {
    line.add("\\u00");
    add_hex(line, sequence == 1 ? byte : static_cast<unsigned char>(rest[1]), lower_digits);
  } else {
    line.add(rest.substr(0, sequence));
  }
  return sequence;
}

void add_quoted(Line& line, std::string_view text) {
  line.add('"');
  line.add_escaped(text, plain_in_quotes, escape_as_json);
  line.add('"');
}

// A text that a client sent, as nginx writes a variable.
void add_variable(Line& line, std::string_view text) {
  if (text.data() == nullptr) {
    line.add('-');
  } else {
    line.add_escaped(text, plain_in_combined, escape_as_nginx);
  }
}

// nginx's own for a client that left before its answer.
constexpr int status_client_left = 499;

void write_combined(Line& line, const AccessFacts& facts, std::string_view second) {
  line.add(facts.client);
  line.add(" - - [");
  line.add(second);
  line.add("] \"");
  add_variable(line, facts.request.line);
  line.add("\" ");
  line.add_digits(static_cast<std::uint64_t>(facts.status == 0 ? status_client_left : facts.status),
                  3);
  line.add(' ');
  line.add_number(facts.bytes_out);
  line.add(" \"");
  add_variable(line, facts.request.referer);
  line.add("\" \"");
  add_variable(line, facts.request.user_agent);
  line.add("\"\n");
}

// The keys of a line in their order. `Out` says how a key and each kind of value are written.
template <class Out>
void write_keys(Out& out, const AccessFacts& facts) {
  out.text("client", facts.client);
  out.text("method", facts.request.method);
  out.text("host", facts.request.host);
  out.text("path", facts.request.path);
  out.text("proto", facts.request.version);
  if (facts.request.method.data() == nullptr && facts.request.line.data() != nullptr) {
    out.text("request", facts.request.line);  // it is no request, but this is what came
  }
  out.number("status", facts.status == 0 ? std::nullopt
                                         : std::optional(static_cast<std::uint64_t>(facts.status)));
  out.number("bytes_in", facts.bytes_in);
  out.number("bytes_out", facts.bytes_out);
  out.seconds("dur", facts.duration);
  out.seconds("wait", facts.wait);
  out.seconds("connect", facts.connect);
  out.seconds("ttfb", facts.first_byte);
  out.text("upstream", facts.upstream);
  out.text("server", facts.server);
  const bool connected = facts.connection != 0;
  out.claim("reused", connected ? std::optional<bool>(facts.reused) : std::nullopt);
  out.number("conn", connected ? std::optional<std::uint64_t>(facts.connection) : std::nullopt);
  out.number("conn_req",
             connected ? std::optional<std::uint64_t>(facts.request_of_it) : std::nullopt);
  out.number("tries", facts.tries);
  out.text("retired", facts.retired);
  out.text("error", facts.error);
  out.text("request_id", facts.request_id);
  out.text("traceparent", facts.request.traceparent);
}

// Every key in every line; null for what is not known.
class Json {
 public:
  explicit Json(Line& line) : line_(line) {}

  void text(std::string_view key, std::string_view text) {
    begin(key);
    if (text.data() == nullptr) {
      line_.add("null");
    } else {
      add_quoted(line_, text);
    }
  }
  void number(std::string_view key, std::optional<std::uint64_t> number) {
    begin(key);
    if (number) {
      line_.add_number(*number);
    } else {
      line_.add("null");
    }
  }
  void seconds(std::string_view key, std::optional<Duration> duration) {
    begin(key);
    if (duration) {
      line_.add_seconds(*duration);
    } else {
      line_.add("null");
    }
  }
  void claim(std::string_view key, std::optional<bool> claim) {
    begin(key);
    line_.add(!claim ? "null" : *claim ? "true" : "false");
  }

 private:
  void begin(std::string_view key) {
    line_.add(",\"");
    line_.add(key);
    line_.add("\":");
  }

  Line& line_;
};

// Only what is known; a text in quotes where it needs them.
class Logfmt {
 public:
  explicit Logfmt(Line& line) : line_(line) {}

  void text(std::string_view key, std::string_view text) {
    if (text.data() == nullptr) {
      return;
    }
    begin(key);
    const bool bare = !text.empty() && text.size() <= AccessLine::max_text_bytes &&
                      std::all_of(text.begin(), text.end(),
                                  [](char c) { return plain_bare[static_cast<unsigned char>(c)]; });
    if (bare) {
      line_.add(text);
    } else {
      add_quoted(line_, text);
    }
  }
  void number(std::string_view key, std::optional<std::uint64_t> number) {
    if (number) {
      begin(key);
      line_.add_number(*number);
    }
  }
  void seconds(std::string_view key, std::optional<Duration> duration) {
    if (duration) {
      begin(key);
      line_.add_seconds(*duration);
    }
  }
  void claim(std::string_view key, std::optional<bool> claim) {
    if (claim) {
      begin(key);
      line_.add(*claim ? "true" : "false");
    }
  }

 private:
  void begin(std::string_view key) {
    line_.add(' ');
    line_.add(key);
    line_.add('=');
  }

  Line& line_;
};

void add_stamp(Line& line, std::string_view second, Duration ended) {
  line.add(second);
  line.add_digits(static_cast<std::uint64_t>(ended / 1ms % 1000), 3);
  line.add('Z');
}

}  // namespace

AccessLine::AccessLine(AccessLogFormat format) : format_(format) { ::tzset(); }

void AccessLine::remember_second(std::int64_t second) {
  if (second == second_) {
    return;
  }
  second_ = second;
  const time_t time = second;
  std::tm parts{};
  Line text(second_text_);
  if (format_ != AccessLogFormat::combined) {
    ::gmtime_r(&time, &parts);
    text.add_digits(static_cast<std::uint64_t>(parts.tm_year) + 1900, 4);
    text.add('-');
    text.add_digits(static_cast<std::uint64_t>(parts.tm_mon) + 1, 2);
    text.add('-');
    text.add_digits(static_cast<std::uint64_t>(parts.tm_mday), 2);
    text.add('T');
  } else {
    // As nginx: not by the locale, whose names of months may be others.
    constexpr std::string_view months = "JanFebMarAprMayJunJulAugSepOctNovDec";
    ::localtime_r(&time, &parts);
    text.add_digits(static_cast<std::uint64_t>(parts.tm_mday), 2);
    text.add('/');
    text.add(months.substr(static_cast<std::size_t>(parts.tm_mon) * 3, 3));
    text.add('/');
    text.add_digits(static_cast<std::uint64_t>(parts.tm_year) + 1900, 4);
    text.add(':');
  }
  text.add_digits(static_cast<std::uint64_t>(parts.tm_hour), 2);
  text.add(':');
  text.add_digits(static_cast<std::uint64_t>(parts.tm_min), 2);
  text.add(':');
  text.add_digits(static_cast<std::uint64_t>(parts.tm_sec), 2);
  if (format_ != AccessLogFormat::combined) {
    text.add('.');
  } else {
    const long minutes = parts.tm_gmtoff / 60;
    text.add(minutes < 0 ? " -" : " +");
    text.add_digits(static_cast<std::uint64_t>(std::abs(minutes) / 60), 2);
    text.add_digits(static_cast<std::uint64_t>(std::abs(minutes) % 60), 2);
  }
  second_bytes_ = text.size();
}

std::size_t AccessLine::write(const AccessFacts& facts, std::span<char> out) {
  check(out.size() >= max_bytes, "no room for a line of the access log");
  remember_second(facts.ended / 1s);
  const std::string_view second(second_text_, second_bytes_);
  Line line(out);
  switch (format_) {
    case AccessLogFormat::off:
      break;
    case AccessLogFormat::combined:
      write_combined(line, facts, second);
      break;
    case AccessLogFormat::json: {
      line.add("{\"ts\":\"");
      add_stamp(line, second, facts.ended);
      line.add('"');
      Json json(line);
      write_keys(json, facts);
      line.add("}\n");
      break;
    }
    case AccessLogFormat::logfmt: {
      line.add("ts=");
      add_stamp(line, second, facts.ended);
      Logfmt logfmt(line);
      write_keys(logfmt, facts);
      line.add('\n');
      break;
    }
  }
  return line.size();
}

}  // namespace holdfast
