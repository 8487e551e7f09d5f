#include "codec/http1/fields.h"

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

// The first letter tells most unknown names apart before the others are looked at.
FieldId match(std::string_view name, const KnownName& known) {
  return lower(name[0]) == known.name[0] && equal_ignoring_case(name, known.name) ? known.id
                                                                                  : FieldId::other;
}

// Two names of one length, told apart by their first letter.
FieldId match(std::string_view name, const KnownName& one, const KnownName& two) {
  return match(name, lower(name[0]) == one.name[0] ? one : two);
}

// The names of 16 characters and more.
FieldId long_field_id(std::string_view name) {
  switch (name.size()) {
    case 16:
      if (lower(name[0]) == 'x') {
        return match(name, {"x-forwarded-host", FieldId::x_forwarded_host});
      }
      return match(name, {"proxy-connection", FieldId::proxy_connection},
                   {"www-authenticate", FieldId::www_authenticate});
    case 17:
      return match(name, {"transfer-encoding", FieldId::transfer_encoding},
                   {"x-forwarded-proto", FieldId::x_forwarded_proto});
    case 18:
      return match(name, {"proxy-authenticate", FieldId::proxy_authenticate});
    case 19:
      return match(name, {"proxy-authorization", FieldId::proxy_authorization},
                   {"authentication-info", FieldId::authentication_info});
    case 25:
      return match(name, {"proxy-authentication-info", FieldId::proxy_authentication_info});
    default:
      return FieldId::other;
  }
}

}  // namespace

// The length and the first letter leave at most one candidate.
FieldId field_id(std::string_view name) {
  switch (name.size()) {
    case 2:
      return match(name, {"te", FieldId::te});
    case 3:
      return match(name, {"via", FieldId::via});
    case 4:
      return match(name, {"host", FieldId::host});
    case 5:
      return match(name, {"proxy", FieldId::proxy});
    case 6:
      return match(name, {"cookie", FieldId::cookie}, {"expect", FieldId::expect});
    case 7:
      return match(name, {"trailer", FieldId::trailer}, {"upgrade", FieldId::upgrade});
    case 9:
      return match(name, {"forwarded", FieldId::forwarded}, {"x-real-ip", FieldId::x_real_ip});
    case 10:
      return match(name, {"connection", FieldId::connection}, {"keep-alive", FieldId::keep_alive});
    case 13:
      return match(name, {"authorization", FieldId::authorization});
    case 14:
      return match(name, {"content-length", FieldId::content_length},
                   {"http2-settings", FieldId::http2_settings});
    case 15:
      return match(name, {"x-forwarded-for", FieldId::x_forwarded_for});
    default:
      return long_field_id(name);
  }
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
