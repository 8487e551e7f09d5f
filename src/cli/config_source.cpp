#include "cli/config_source.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>
#include <utility>

#include "cli/outputs.h"

namespace holdfast {
namespace {

constexpr const char* listen_variable = "HOLDFAST_LISTEN";
constexpr const char* upstream_variable = "HOLDFAST_UPSTREAM";

std::string_view without_blanks(std::string_view text) {
  constexpr std::string_view blanks = " \t";
  text.remove_prefix(std::min(text.find_first_not_of(blanks), text.size()));
  return text.substr(0, text.find_last_not_of(blanks) + 1);
}

std::vector<std::string> split_by_commas(std::string_view text) {
  std::vector<std::string> parts;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(','), text.size());
    parts.emplace_back(without_blanks(text.substr(0, end)));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return parts;
}

LoadOutcome load_default(const Environment& environment, std::string_view advice) {
  LoadOutcome outcome = load_file(default_config_path, environment);
  for (Diagnostic& diagnostic : outcome.diagnostics) {
    if (diagnostic.message.starts_with("cannot be read")) {
      diagnostic.message += advice;
    }
  }
  return outcome;
}

LoadOutcome load_pair(QuickStart from) {
  const bool lacks_listen = from.listen.empty();
  if (!lacks_listen && !from.servers.empty()) {
    return load_quick_start(from);
  }
  const auto& [missing, given] = lacks_listen ? std::pair(from.listen_name, from.upstream_name)
                                              : std::pair(from.upstream_name, from.listen_name);
  LoadOutcome outcome;
  outcome.diagnostics.push_back(
      {Severity::error, given, {}, fmt::format("{} is needed with it", missing)});
  return outcome;
}

}  // namespace

bool environment_configures(const Environment& environment) {
  const auto is_set = [&](const char* name) { return !environment(name).value_or("").empty(); };
  return is_set(listen_variable) || is_set(upstream_variable);
}

LoadedConfig load_source(const ConfigSource& source, const Environment& environment,
                         std::string_view advice) {
  if (!source.file.empty()) {
    return {load_file(source.file, environment), source.file, exit_config};
  }
  if (!source.listen.empty() || !source.upstreams.empty()) {
    return {load_pair({source.listen, source.upstreams, "--listen", "--upstream"}), "command line",
            exit_usage};
  }
  if (environment_configures(environment)) {
    return {load_pair({environment(listen_variable).value_or(""),
                       split_by_commas(environment(upstream_variable).value_or("")),
                       listen_variable, upstream_variable}),
            "environment", exit_config};
  }
  return {load_default(environment, advice), default_config_path, exit_config};
}

std::string usage_error(std::string_view why) { return fmt::format("holdfast: {}\n", why); }

std::string usage_hint(std::string_view command) {
  return fmt::format("Try '{} --help'.\n", command);
}

std::string render_refusal(const LoadedConfig& loaded, std::string_view command, Colour colour) {
  if (loaded.exit_code_if_bad != exit_usage) {
    return render_all(loaded.outcome, colour);
  }
  std::string text;
  for (const Diagnostic& diagnostic : loaded.outcome.diagnostics) {
    text += usage_error(fmt::format("{}: {}", diagnostic.file, diagnostic.message));
  }
  return text + usage_hint(command);
}

}  // namespace holdfast
