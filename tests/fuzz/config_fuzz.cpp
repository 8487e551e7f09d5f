// The text of a configuration.
//
// It either is a configuration or has errors, each with a message and a place in the text; and what
// is a configuration still is the same one when it is written out with all its values and read
// again.

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>

#include "config/fields.h"
#include "config/load.h"
#include "config/values.h"
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

std::string quoted(std::string_view text) {
  std::string result = "\"";
  for (const char c : text) {
    if (c == '$') {
      result += '$';  // Two of them stand for one.
    }
    if (c == '"' || c == '\\') {
      result += '\\';
    }
    result += c;
  }
  return result + "\"";
}

// Writes one map of the table and all below it. `target` is what its keys fill.
class Writer {
 public:
  explicit Writer(Config& config) : config_(config) {}

  std::string write() {
    write_keys("", {.config = &config_}, 0);
    return text_;
  }

 private:
  void write_keys(std::string_view above, const FieldTarget& target, std::size_t depth) {
    for (const Field& field : fields()) {
      if (path_above(field.path) == above && last_part(field.path) != "*") {
        write_field(field, target, depth);
      }
    }
  }

  void write_field(const Field& field, const FieldTarget& target, std::size_t depth) {
    text_ += std::string(depth, ' ') + std::string(last_part(field.path)) + ":";
    if (field.kind == FieldKind::names) {
      text_ += '\n';
      write_names(field, depth + 1);
    } else if (field.kind == FieldKind::map) {
      text_ += '\n';
      write_keys(field.path, target, depth + 1);
    } else {
      write_value(field, field.slot(target));
    }
  }

  void write_names(const Field& field, std::size_t depth) {
    const std::string below = std::string(field.path) + ".*";
    const auto write_one = [&](const std::string& name, const FieldTarget& target) {
      text_ += std::string(depth, ' ') + quoted(name) + ":\n";
      write_keys(below, target, depth + 1);
    };
    if (field.path == "listeners") {
      for (ListenerOptions& one : config_.listeners) {
        write_one(one.name, {.config = &config_, .listener = &one});
      }
      return;
    }
    for (UpstreamOptions& one : config_.upstreams) {
      write_one(one.name, {.config = &config_, .upstream = &one});
    }
  }

  void write_value(const Field& field, const FieldSlot& slot) {
    if (const auto* servers = std::get_if<std::vector<std::string>*>(&slot)) {
      text_ += " [";
      for (const std::string& one : **servers) {
        text_ += quoted(one) + ", ";
      }
      text_ += "]\n";
    } else if (std::holds_alternative<std::vector<Network>*>(slot)) {
      text_ += " []\n";  // They are only ever shown as a number.
    } else {
      text_ += " " + quoted(value_text(field, slot)) + "\n";
    }
  }

  Config& config_;
  std::string text_;
};

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
  const std::string shown = Writer(*outcome.config).write();
  LoadOutcome again = load_text("fuzz.yaml", shown, variable);
  check(again.config.has_value(), "what was loaded cannot be loaded again");
  check(Writer(*again.config).write() == shown, "what was loaded is loaded differently");
  return 0;
}
