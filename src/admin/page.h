#pragma once

#include <string>
#include <string_view>

namespace holdfast {

// The status page for people, page.html, as it is built into the program. A browser runs its script
// only because of a nonce that no other page can know: a new one for each answer.

// Random bits enough that nobody guesses them, as text.
[[nodiscard]] std::string make_nonce();

[[nodiscard]] std::string render_page(std::string_view nonce);

// The page's Content-Security-Policy: its own script and style, its own numbers, and nothing else.
[[nodiscard]] std::string page_policy(std::string_view nonce);

}  // namespace holdfast
