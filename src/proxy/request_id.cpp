#include "proxy/request_id.h"

#include <sys/random.h>

#include <algorithm>
#include <bit>

#include "base/check.h"
#include "codec/http1/characters.h"
#include "codec/http1/fields.h"

namespace holdfast {
namespace {

bool may_be_in_an_id(char c) {
  const char letter = http1::lower(c);
  return (letter >= 'a' && letter <= 'z') || http1::is_digit(c) ||
         std::string_view("._~:/+=-").find(c) != std::string_view::npos;
}

void write_hex(std::uint64_t number, char* out) {
  constexpr std::string_view digits = "0123456789abcdef";
  for (int i = 0; i < 16; ++i) {
    out[i] = digits[number >> (60 - 4 * i) & 0xf];
  }
}

}  // namespace

std::string_view RequestId::write_text(char* out) const {
  write_hex(high, out);
  write_hex(low, out + text_bytes / 2);
  return {out, text_bytes};
}

std::uint64_t RequestIds::step() {
  const std::uint64_t result = std::rotl(state_[0] + state_[3], 23) + state_[0];
  const std::uint64_t shifted = state_[1] << 17;
  state_[2] ^= state_[0];
  state_[3] ^= state_[1];
  state_[1] ^= state_[2];
  state_[0] ^= state_[3];
  state_[2] ^= shifted;
  state_[3] = std::rotl(state_[3], 45);
  return result;
}

RequestId RequestIds::next() {
  if (state_ == decltype(state_){}) {
    check(::getrandom(state_.data(), sizeof(state_), 0) == static_cast<ssize_t>(sizeof(state_)),
          "the kernel gives 32 random bytes at once");
  }
  return {step(), step() | 1};  // never the one that stands for none
}

bool sane_request_id(std::string_view text) {
  return !text.empty() && text.size() <= http1::max_request_id_bytes &&
         std::all_of(text.begin(), text.end(), may_be_in_an_id);
}

std::string_view request_id_of(const http1::RequestHead& head) {
  std::string_view found;
  for (const http1::Field& field : head.fields) {
    if (http1::is_request_id(field)) {
      if (found.data() != nullptr) {
        return {};
      }
      found = field.value;
    }
  }
  return sane_request_id(found) ? found : std::string_view();
}

}  // namespace holdfast
