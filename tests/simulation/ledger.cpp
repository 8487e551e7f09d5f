#include "simulation/ledger.h"

#include <algorithm>

#include "simulation/random.h"

namespace holdfast {

SimText::SimText() {
  static constexpr std::string_view phrases[] = {
      "\r\n\r\n",
      "0\r\n\r\n",
      "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
      "GET /r1 HTTP/1.1\r\nHost: a\r\n\r\n",
      "\r\n5\r\n",
      "Transfer-Encoding: chunked\r\n",
  };
  SimRandom random(std::uint64_t{7});
  while (text_.size() < period) {
    if (random.one_in(8)) {
      text_ += random.any_of(phrases);
    } else {
      text_ += static_cast<char>(random.below(256));
    }
  }
  text_.resize(period);
  text_ += std::string(text_);
}

std::string_view SimText::piece(std::uint64_t key, std::uint64_t from, std::uint64_t most) const {
  const std::size_t at = (key * 2654435761 + from) % period;
  return std::string_view(text_).substr(at, std::min<std::uint64_t>(most, period));
}

void SimText::append(std::string& out, std::uint64_t key, std::uint64_t from,
                     std::uint64_t bytes) const {
  while (bytes > 0) {
    const std::string_view next = piece(key, from, bytes);
    out += next;
    from += next.size();
    bytes -= next.size();
  }
}

bool SimText::matches(std::string_view bytes, std::uint64_t key, std::uint64_t from) const {
  while (!bytes.empty()) {
    const std::string_view next = piece(key, from, bytes.size());
    if (!bytes.starts_with(next)) {
      return false;
    }
    from += next.size();
    bytes.remove_prefix(next.size());
  }
  return true;
}

}  // namespace holdfast
