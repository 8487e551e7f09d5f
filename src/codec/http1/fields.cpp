#include "codec/http1/fields.h"

#include <array>
#include <cstdint>
#include <cstring>

#include "codec/http1/characters.h"

namespace holdfast::http1 {
namespace {

constexpr std::size_t word_bytes = sizeof(std::uint64_t);

std::uint64_t load_word(const char* from) {
  std::uint64_t word = 0;
  std::memcpy(&word, from, word_bytes);
  return word;
}

// Text shorter than a word, in a word of its own. Two halves that may overlap, so that no byte
// beyond the text is read.
std::uint64_t load_short(std::string_view text) {
  std::uint32_t first = 0;
  std::uint32_t second = 0;
  if (text.size() >= sizeof(first)) {
    std::memcpy(&first, text.data(), sizeof(first));
    std::memcpy(&second, text.data() + text.size() - sizeof(second), sizeof(second));
  } else {
    for (const char c : text) {
      first = first << 8 | static_cast<unsigned char>(c);
    }
  }
  return std::uint64_t{first} << 32 | second;
}

// Eight characters in lower case at once; bytes that are not A to Z stay as they are.
std::uint64_t lower_word(std::uint64_t word) {
  constexpr std::uint64_t ones = 0x0101010101010101;
  const std::uint64_t low_bits = word & (ones * 0x7f);
  const std::uint64_t from_a = low_bits + ones * (0x80 - 'A');
  const std::uint64_t beyond_z = low_bits + ones * (0x7f - 'Z');
  const std::uint64_t upper = (from_a ^ beyond_z) & ~word & (ones * 0x80);
  return word | (upper >> 2);
}

struct KnownName {
  std::string_view name;  // in lower case
  FieldId id;
};

constexpr std::array known_names = {
    KnownName{"te", FieldId::te},
    KnownName{"via", FieldId::via},
    KnownName{"host", FieldId::host},
    KnownName{"proxy", FieldId::proxy},
    KnownName{"cookie", FieldId::cookie},
    KnownName{"expect", FieldId::expect},
    KnownName{"trailer", FieldId::trailer},
    KnownName{"upgrade", FieldId::upgrade},
    KnownName{"forwarded", FieldId::forwarded},
    KnownName{"x-real-ip", FieldId::x_real_ip},
    KnownName{"connection", FieldId::connection},
    KnownName{"keep-alive", FieldId::keep_alive},
    KnownName{"authorization", FieldId::authorization},
    KnownName{"content-length", FieldId::content_length},
    KnownName{"http2-settings", FieldId::http2_settings},
    KnownName{"x-forwarded-for", FieldId::x_forwarded_for},
    KnownName{"proxy-connection", FieldId::proxy_connection},
    KnownName{"www-authenticate", FieldId::www_authenticate},
    KnownName{"x-forwarded-host", FieldId::x_forwarded_host},
    KnownName{"transfer-encoding", FieldId::transfer_encoding},
    KnownName{"x-forwarded-proto", FieldId::x_forwarded_proto},
    KnownName{"proxy-authenticate", FieldId::proxy_authenticate},
    KnownName{"authentication-info", FieldId::authentication_info},
    KnownName{"proxy-authorization", FieldId::proxy_authorization},
    KnownName{"proxy-authentication-info", FieldId::proxy_authentication_info},
};
constexpr std::size_t longest_name = 25;
constexpr std::size_t letters = 26;

// Which known name may be meant, by the size and the first letter: they leave at most one, and of
// most other names nothing at all. Its number plus one, or 0.
constexpr auto candidates = [] {
  std::array<std::array<std::uint8_t, letters>, longest_name + 1> table{};
  for (std::size_t i = 0; i < known_names.size(); ++i) {
    const std::string_view name = known_names[i].name;
    std::uint8_t& place = table.at(name.size()).at(static_cast<std::size_t>(name[0] - 'a'));
    place = place == 0 ? static_cast<std::uint8_t>(i + 1) : throw "two names have one place";
  }
  return table;
}();

}  // namespace

FieldId field_id(std::string_view name) {
  if (name.empty() || name.size() > longest_name) {
    return FieldId::other;
  }
  const auto letter = static_cast<std::size_t>(lower(name[0]) - 'a');
  const std::size_t candidate = letter < letters ? candidates[name.size()][letter] : 0;
  if (candidate == 0) {
    return FieldId::other;
  }
  const KnownName& known = known_names[candidate - 1];
  return equal_ignoring_case(name, known.name) ? known.id : FieldId::other;
}

bool valid_field_name(HeadKind kind, std::string_view name) {
  return !name.empty() &&
         all_of_class(name, kind == HeadKind::request ? name_character : token_character);
}

bool valid_field_value(std::string_view value) {
  std::size_t at = find_control(value, 0);
  while (at < value.size() && value[at] == '\t') {
    at = find_control(value, at + 1);
  }
  return at == value.size();
}

// Whole words, the last one overlapping the one before; what is shorter than a word is padded.
bool equal_ignoring_case(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) {
    return false;
  }
  if (a.size() < word_bytes) {
    return lower_word(load_short(a)) == lower_word(load_short(b));
  }
  for (std::size_t at = 0; at + word_bytes < a.size(); at += word_bytes) {
    if (lower_word(load_word(a.data() + at)) != lower_word(load_word(b.data() + at))) {
      return false;
    }
  }
  const std::size_t last = a.size() - word_bytes;
  return lower_word(load_word(a.data() + last)) == lower_word(load_word(b.data() + last));
}

}  // namespace holdfast::http1
