// The text of a configuration.
//
// It either is a configuration or has errors, each with a message and a place in the text; and what
// is a configuration still is the same one when it is written out with all its values and read
// again.

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>

#include "config/load.h"
#include "config/show.h"
#include "fuzz/input.h"

namespace holdfast {
namespace {

// A few variables, one of them empty and one of them hostile.
std::optional<std::string> variable(const std::string& name) {
  if (name == "PORT") {
    return "8080";
  }
  if (name == "ODD") {
    return "}: [\n&a *a ${A} $";
  }
  return name == "EMPTY" ? std::optional<std::string>("") : std::nullopt;
}

bool is_error(const Diagnostic& one) { return one.severity == Severity::error; }

void judge_diagnostics(const LoadOutcome& outcome, std::string_view text) {
  std::size_t errors = 0;
  const auto lines = static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n')) + 1;
  // Of these the text as a whole is at fault.
  const bool has_places = text.find('\0') == std::string_view::npos;
  for (const Diagnostic& one : outcome.diagnostics) {
    errors += is_error(one) ? 1 : 0;
    check(!one.message.empty() && one.file == "fuzz.yaml", "a diagnostic without a text");
    check(one.message.find('\x1b') == std::string::npos, "a diagnostic writes to the terminal");
    check(one.place.line <= lines + 1, "a place behind the text");
    const bool is_empty = one.message.starts_with("empty;");
    check(one.place.line > 0 || !has_places || is_empty, "a diagnostic without a place");
  }
  check(outcome.diagnostics.size() <= max_reported, "too many diagnostics");
  check(outcome.config.has_value() == (errors == 0), "a configuration with errors, or neither");
  check(render_all(outcome, Colour::always).empty() == outcome.diagnostics.empty(), "not rendered");
}

}  // namespace
}  // namespace holdfast

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  using namespace holdfast;
  const std::string text(reinterpret_cast<const char*>(bytes), size);
  LoadOutcome outcome = load_text("fuzz.yaml", text, variable);
  judge_diagnostics(outcome, text);
  if (!outcome.config) {
    return 0;
  }
  const std::string shown = config_as_yaml(*outcome.config, {}, Remark::nothing);
  LoadOutcome again = load_text("fuzz.yaml", shown, variable);
  check(again.config.has_value(), "what was loaded cannot be loaded again");
  check(config_as_yaml(*again.config, {}, Remark::nothing) == shown,
        "what was loaded is loaded differently");
  check(
      load_text("fuzz.yaml", config_as_yaml(*again.config, again.origins, Remark::origin), variable)
          .config.has_value(),
      "the remarks on the origin of values do not load");
  return 0;
}
