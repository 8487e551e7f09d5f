#include "cli/config_source.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>
#include <utility>

#include "cli/outputs.h"
#include "config/overrides.h"

namespace holdfast {
namespace {

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

LoadOutcome load_default(const Environment& environment, std::string_view advice,
                         Overrides overrides) {
  LoadOutcome outcome = load_file(default_config_path, environment, std::move(overrides));
  for (Diagnostic& diagnostic : outcome.diagnostics) {
    if (diagnostic.message.starts_with("cannot be read")) {
      diagnostic.message += advice;
    }
  }
  return outcome;
}

LoadOutcome load_pair(const QuickStart& from, Overrides overrides) {
  const bool lacks_listen = from.listen.empty();
  if (!lacks_listen && !from.servers.empty()) {
    return load_quick_start(from, std::move(overrides));
  }
  const auto& [missing, given] = lacks_listen ? std::pair(from.listen_name, from.upstream_name)
                                              : std::pair(from.upstream_name, from.listen_name);
  LoadOutcome outcome;
  outcome.diagnostics.push_back(
      {Severity::error, given, {}, fmt::format("{} is needed with it", missing)});
  return outcome;
}

// The flags, and for one that is missing its variable.
QuickStart pair_of(const ConfigSource& source, const Environment& environment) {
  const bool has_flags = !source.listen.empty() || !source.upstreams.empty();
  QuickStart from{source.listen, source.upstreams, "--listen", "--upstream"};
  const std::string listen = environment(listen_variable).value_or("");
  const std::string servers = environment(upstream_variable).value_or("");
  if (from.listen.empty() && (!listen.empty() || !has_flags)) {
    from.listen = listen;
    from.listen_name = listen_variable;
  }
  if (from.servers.empty() && (!servers.empty() || !has_flags)) {
    from.servers = split_by_commas(servers);
    from.upstream_name = upstream_variable;
  }
  return from;
}

// What the command line says about single keys, and what is no such thing.
Overrides overrides_of(const ConfigSource& source, std::vector<Diagnostic>& refused) {
  Overrides overrides = Overrides::from_environment();
  if (!source.workers.empty()) {
    overrides.set("workers", {"--workers", source.workers});
  }
  for (const std::string& setting : source.settings) {
    const std::size_t equals = setting.find('=');
    if (equals == std::string::npos || equals == 0) {
      refused.push_back(
          {Severity::error,
           "--set",
           {},
           fmt::format("{} is not KEY=VALUE; write log.level=debug", in_quotes(setting))});
      continue;
    }
    const std::string path = setting.substr(0, equals);
    overrides.set(path, {set_flag + path, setting.substr(equals + 1)});
  }
  return overrides;
}

// The two variables make a whole configuration, so a file that was asked for leaves them unused.
void warn_of_unused_pair(const std::string& file, const Environment& environment,
                         LoadOutcome& outcome) {
  for (const char* name : {listen_variable, upstream_variable}) {
    if (!environment(name).value_or("").empty()) {
      outcome.diagnostics.push_back(
          {Severity::warning, name, {}, fmt::format("not used: {} was asked for", file)});
    }
  }
}

LoadedConfig load(const ConfigSource& source, const Environment& environment,
                  std::string_view advice, Overrides overrides) {
  if (!source.file.empty()) {
    LoadOutcome outcome = load_file(source.file, environment, std::move(overrides));
    warn_of_unused_pair(source.file, environment, outcome);
    return {std::move(outcome), source.file, exit_config};
  }
  if (!source.listen.empty() || !source.upstreams.empty()) {
    return {load_pair(pair_of(source, environment), std::move(overrides)), "command line",
            exit_config};
  }
  if (environment_configures(environment)) {
    return {load_pair(pair_of(source, environment), std::move(overrides)), "environment",
            exit_config};
  }
  return {load_default(environment, advice, std::move(overrides)), default_config_path,
          exit_config};
}

bool blames_a_flag(const Diagnostic& diagnostic) {
  return diagnostic.severity == Severity::error && diagnostic.file.starts_with("--");
}

}  // namespace

bool environment_configures(const Environment& environment) {
  const auto is_set = [&](const char* name) { return !environment(name).value_or("").empty(); };
  return is_set(listen_variable) || is_set(upstream_variable);
}

LoadedConfig load_source(const ConfigSource& source, const Environment& environment,
                         std::string_view advice) {
  std::vector<Diagnostic> refused;
  Overrides overrides = overrides_of(source, refused);
  LoadedConfig loaded = load(source, environment, advice, std::move(overrides));
  std::vector<Diagnostic>& all = loaded.outcome.diagnostics;
  if (!refused.empty()) {
    loaded.outcome.config.reset();
    all.insert(all.begin(), refused.begin(), refused.end());
  }
  if (std::any_of(all.begin(), all.end(), blames_a_flag)) {
    loaded.exit_code_if_bad = exit_usage;
  }
  return loaded;
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
  LoadOutcome others = loaded.outcome;
  others.diagnostics.clear();
  for (const Diagnostic& diagnostic : loaded.outcome.diagnostics) {
    if (blames_a_flag(diagnostic)) {
      text += usage_error(fmt::format("{}: {}", diagnostic.file, diagnostic.message));
    } else {
      others.diagnostics.push_back(diagnostic);
    }
  }
  return text + render_all(others, colour) + usage_hint(command);
}

}  // namespace holdfast
