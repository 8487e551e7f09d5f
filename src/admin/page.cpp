#include "admin/page.h"

#include <fmt/format.h>
#include <sys/random.h>

#include <array>

#include "base/check.h"

namespace holdfast {

std::string_view page_html();  // built from page.html

namespace {

constexpr std::string_view placeholder = "@NONCE@";
constexpr std::size_t nonce_bytes = 16;

}  // namespace

std::string make_nonce() {
  std::array<unsigned char, nonce_bytes> bits{};
  // So few bytes are always given whole, once the machine has started.
  check(getrandom(bits.data(), bits.size(), 0) == static_cast<ssize_t>(bits.size()),
        "the kernel gives random bits");
  std::string text;
  for (const unsigned char byte : bits) {
    text += fmt::format("{:02x}", byte);
  }
  return text;
}

std::string render_page(std::string_view nonce) {
  std::string_view rest = page_html();
  std::string page;
  page.reserve(rest.size() + 4 * nonce.size());
  for (auto at = rest.find(placeholder); at != std::string_view::npos;
       at = rest.find(placeholder)) {
    page += rest.substr(0, at);
    page += nonce;
    rest.remove_prefix(at + placeholder.size());
  }
  page += rest;
  return page;
}

std::string page_policy(std::string_view nonce) {
  return fmt::format(
      "default-src 'none'; script-src 'nonce-{0}'; style-src 'nonce-{0}'; connect-src 'self'; "
      "img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
      "require-trusted-types-for 'script'; trusted-types 'none'",
      nonce);
}

}  // namespace holdfast
