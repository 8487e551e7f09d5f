#pragma once

#include <gtest/gtest.h>

#include <cstddef>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "codec/http1/decoder.h"

namespace holdfast::http1 {

// What a decoder said about some bytes, as text that a test can compare.
struct Transcript {
  std::vector<std::string> heads;
  std::string body;
  std::string outcome;   // "end", "more", or the name of an error
  std::size_t rest = 0;  // bytes that were not consumed
  bool reusable = false;

  friend bool operator==(const Transcript&, const Transcript&) = default;
  friend std::ostream& operator<<(std::ostream& out, const Transcript& seen) {
    for (const std::string& head : seen.heads) {
      out << '[' << head << "] ";
    }
    return out << "body '" << seen.body << "' " << seen.outcome << " rest " << seen.rest
               << (seen.reusable ? " reusable" : "");
  }
};

inline std::string name_of(ErrorCode code) { return std::string(error_row(code).name); }

inline std::string framing_of(BodyKind body, std::uint64_t length) {
  switch (body) {
    case BodyKind::none:
      return " no body";
    case BodyKind::length:
      return " length " + std::to_string(length);
    case BodyKind::chunked:
      return " chunked";
    case BodyKind::until_close:
      return " until close";
  }
  return {};
}

// What malformed messages are refused with.
inline const std::string malformed_request = "http_request_error";
inline const std::string malformed_response = "http_protocol_error";

// "GET /path at host, no body, keep": version 1.0, expectation and binding only where they are.
inline std::string describe(const RequestHead& head) {
  std::string text(head.method_text);
  text += ' ';
  text += head.target;
  text += " at ";
  text += head.host;
  text += head.version == Version::http10 ? ", 1.0," : ",";
  text += framing_of(head.body, head.content_length);
  text += head.keep_alive ? ", keep" : ", close";
  text += head.expects_continue ? ", expects 100" : "";
  text += head.connection_bound ? ", bound" : "";
  return text;
}

inline std::string describe(const ResponseHead& head) {
  std::string text = std::to_string(head.status);
  text += head.version == Version::http10 ? ", 1.0," : ",";
  text += framing_of(head.body, head.content_length);
  text += head.announces_length ? ", announces " + std::to_string(head.content_length) : "";
  text += head.keep_alive ? ", keep" : ", close";
  text += head.connection_bound ? ", bound" : "";
  return text;
}

// How the bytes arrive: the first piece, then pieces of `step`.
struct Cut {
  std::size_t first;
  std::size_t step;
};

// Gives a decoder the bytes in pieces, as a connection would: what is not consumed is given again,
// from another place, with more behind it. Each window is a copy of its own, so that a sanitizer
// sees a read beyond it and a view that outlives it.
template <class Decoder>
Transcript decode(Decoder& decoder, std::string_view bytes, Cut cut) {
  Transcript seen;
  std::size_t given = std::min(cut.first, bytes.size());
  std::size_t used = 0;
  while (true) {
    const std::vector<char> window(bytes.begin() + static_cast<std::ptrdiff_t>(used),
                                   bytes.begin() + static_cast<std::ptrdiff_t>(given));
    const Step step = decoder.next({window.data(), window.size()});
    EXPECT_LE(step.consumed, window.size());
    used += step.consumed;
    if (step.kind == StepKind::head) {
      seen.heads.push_back(describe(decoder.head()));
    } else if (step.kind == StepKind::body) {
      EXPECT_FALSE(step.body.empty());
      seen.body += step.body;
    } else if (step.kind == StepKind::need_more && given < bytes.size()) {
      given = std::min(given + cut.step, bytes.size());
    } else {
      seen.outcome = step.kind == StepKind::need_more ? "more"
                     : step.kind == StepKind::end     ? "end"
                                                      : name_of(step.error);
      seen.rest = step.kind == StepKind::error ? 0 : bytes.size() - used;
      return seen;
    }
  }
}

// Decodes whole, one byte at a time, and split at each position; all must say the same. `run` makes
// a decoder and calls decode() with the cut it is given.
template <class Run>
Transcript decode_every_way(std::string_view bytes, const Run& run) {
  const Transcript whole = run(Cut{bytes.size(), bytes.size()});
  EXPECT_EQ(run(Cut{1, 1}), whole) << "one byte at a time: " << bytes;
  for (std::size_t first = 1; first < bytes.size(); ++first) {
    EXPECT_EQ(run(Cut{first, bytes.size()}), whole) << "split at " << first << ": " << bytes;
  }
  return whole;
}

// The bounds that a test decodes under.
struct Bounds {
  HeadLimits limits{};
  std::uint64_t max_body = 0;
};

inline Transcript decode_request(std::string_view bytes, const Bounds& bounds = {}) {
  FieldTable table;
  return decode_every_way(bytes, [&](Cut cut) {
    RequestDecoder decoder(table, bounds.limits, bounds.max_body);
    return decode(decoder, bytes, cut);
  });
}

// The answer to a request with this method. Bytes that wait for more are followed by the end of the
// stream.
inline Transcript decode_answer(std::string_view bytes, Method method = Method::get,
                                const HeadLimits& limits = {}) {
  FieldTable table;
  return decode_every_way(bytes, [&](Cut cut) {
    ResponseDecoder decoder(table, limits);
    decoder.expect(method);
    Transcript seen = decode(decoder, bytes, cut);
    if (seen.outcome == "more") {
      const Step step = decoder.finish();
      seen.outcome = step.kind == StepKind::end ? "end" : name_of(step.error);
      seen.rest = 0;
    }
    seen.reusable = decoder.reusable();
    return seen;
  });
}

}  // namespace holdfast::http1
