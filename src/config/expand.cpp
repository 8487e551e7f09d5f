#include "config/expand.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>

#include "config/diagnostic.h"

namespace holdfast {
namespace {

using Refused = tl::unexpected<Complaint>;

constexpr std::size_t max_expanded_bytes = 4096;
constexpr std::string_view forms = "write ${NAME}, ${NAME:-default} or ${NAME:?text}";

bool is_variable_name(std::string_view name) {
  const auto is_letter = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
  };
  return !name.empty() && is_letter(name.front()) &&
         std::all_of(name.begin(), name.end(),
                     [&](char c) { return is_letter(c) || (c >= '0' && c <= '9'); });
}

// The value of what stands between "${" and "}".
Reading<std::string> look_up(std::string_view inside, const Environment& environment) {
  const std::size_t colon = inside.find(':');
  const std::string name(inside.substr(0, colon));
  const std::string_view operation =
      colon == std::string_view::npos ? std::string_view{} : inside.substr(colon, 2);
  if (!is_variable_name(name) || (!operation.empty() && operation != ":-" && operation != ":?")) {
    return Refused({fmt::format("{} is not a variable", in_quotes(inside)), std::string(forms)});
  }
  std::optional<std::string> value = environment(name);
  if (operation.empty()) {
    if (!value) {
      return Refused({fmt::format("the environment variable '{}' is not set", name),
                      fmt::format("set it or write ${{{}:-default}}", name)});
    }
    return *std::move(value);
  }
  if (value && !value->empty()) {
    return *std::move(value);
  }
  const std::string_view text = inside.substr(colon + 2);
  if (operation == ":?") {
    return Refused(
        {fmt::format("the environment variable '{}' is not set: {}", name, in_quotes(text)), ""});
  }
  return std::string(text);
}

}  // namespace

Environment own_environment() {
  return [](const std::string& name) -> std::optional<std::string> {
    const char* value = std::getenv(name.c_str());
    return value == nullptr ? std::nullopt : std::optional<std::string>(value);
  };
}

Reading<std::string> expand(std::string_view text, const Environment& environment) {
  std::string result;
  while (!text.empty()) {
    const std::size_t dollar = text.find('$');
    result += text.substr(0, dollar);
    if (dollar == std::string_view::npos) {
      break;
    }
    text.remove_prefix(dollar + 1);
    if (text.starts_with('$')) {
      result += '$';
      text.remove_prefix(1);
      continue;
    }
    const std::size_t end = text.find('}');
    if (!text.starts_with('{') || end == std::string_view::npos) {
      return Refused({"a '$' stands alone", "write ${NAME} for a variable, $$ for a dollar sign"});
    }
    Reading<std::string> value = look_up(text.substr(1, end - 1), environment);
    if (!value) {
      return value;
    }
    result += *value;
    text.remove_prefix(end + 1);
    if (result.size() > max_expanded_bytes) {
      return Refused({fmt::format("the value is longer than {} bytes", max_expanded_bytes), ""});
    }
  }
  return result;
}

}  // namespace holdfast
