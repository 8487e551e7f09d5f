#include "config/load.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <tuple>
#include <utility>

#include "config/binder.h"
#include "config/rules.h"
#include "config/scalars.h"
#include "config/yaml_tree.h"

namespace holdfast {
namespace {

// A configuration file as text, or why it cannot be read. Reads little more than its limit.
tl::expected<std::string, std::string> read_text(const std::string& path) {
  const auto failed = [](int error) {
    return tl::unexpected(fmt::format("cannot be read: {}", std::strerror(error)));
  };
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY);
  if (fd < 0) {
    return failed(errno);
  }
  std::string text;
  std::array<char, 16 * 1024> piece;
  ssize_t got = 0;
  while (text.size() <= max_config_bytes) {
    got = ::read(fd, piece.data(), piece.size());
    if (got < 0 && errno == EINTR) {
      continue;
    }
    if (got <= 0) {
      break;
    }
    text.append(piece.data(), static_cast<std::size_t>(got));
  }
  const int error = got < 0 ? errno : 0;
  ::close(fd);
  if (error != 0) {
    return failed(error);
  }
  return text;
}

bool is_error(const Diagnostic& diagnostic) { return diagnostic.severity == Severity::error; }

bool stands_before(const Diagnostic& a, const Diagnostic& b) {
  return std::tie(a.place.line, a.place.column) < std::tie(b.place.line, b.place.column);
}

// Puts an outcome together: there is a config only without errors.
LoadOutcome conclude(const std::string& name, std::string source, Config config,
                     std::vector<Diagnostic> diagnostics) {
  LoadOutcome outcome;
  const bool usable = std::none_of(diagnostics.begin(), diagnostics.end(), is_error);
  std::stable_sort(diagnostics.begin(), diagnostics.end(), stands_before);
  // An error beyond the cap must not hide behind warnings.
  if (diagnostics.size() > max_reported) {
    std::stable_partition(diagnostics.begin(), diagnostics.end(), is_error);
    outcome.left_out = diagnostics.size() - max_reported;
    diagnostics.resize(max_reported);
    std::stable_sort(diagnostics.begin(), diagnostics.end(), stands_before);
  }
  for (Diagnostic& diagnostic : diagnostics) {
    if (diagnostic.file.empty()) {
      diagnostic.file = name;
    }
  }
  if (usable) {
    outcome.config = std::move(config);
  }
  outcome.diagnostics = std::move(diagnostics);
  outcome.source = std::move(source);
  return outcome;
}

std::map<std::string, std::string, std::less<>> origins_of(const Binding& binding,
                                                           const std::string& file) {
  std::map<std::string, std::string, std::less<>> origins;
  for (const auto& [path, place] : binding.places) {
    const auto name = binding.overruled.find(path);
    if (name == binding.overruled.end()) {
      origins[path] = fmt::format("{}:{}", file, place.line);
    } else {
      const bool is_flag = Override{name->second, {}}.is_flag();
      origins[path] = fmt::format("{} {}", is_flag ? "command line" : "environment", name->second);
    }
  }
  return origins;
}

LoadOutcome refuse_whole(const std::string& name, std::string message, std::string source = {}) {
  return conclude(name, std::move(source), {},
                  {Diagnostic{Severity::error, {}, {}, std::move(message)}});
}

}  // namespace

LoadOutcome load_file(const std::string& path, const Environment& environment,
                      Overrides overrides) {
  tl::expected<std::string, std::string> text = read_text(path);
  if (!text) {
    return refuse_whole(path, std::move(text).error());
  }
  return load_text(path, *std::move(text), environment, std::move(overrides));
}

LoadOutcome load_text(const std::string& name, std::string text, const Environment& environment,
                      Overrides overrides) {
  if (text.size() > max_config_bytes) {
    return refuse_whole(name, fmt::format("larger than {}", size_text(max_config_bytes)));
  }
  const tl::expected<YamlNode, Diagnostic> root = parse_yaml(text);
  if (!root) {
    return conclude(name, std::move(text), {}, {root.error()});
  }
  if (root->kind == YamlKind::null) {
    return refuse_whole(name, "empty; it needs at least listeners and upstreams", std::move(text));
  }
  Binding binding = bind_tree(*root, environment, std::move(overrides));
  apply_rules(binding);
  auto origins = origins_of(binding, name);
  LoadOutcome outcome =
      conclude(name, std::move(text), std::move(binding.config), std::move(binding.diagnostics));
  outcome.origins = std::move(origins);
  return outcome;
}

std::string render_all(const LoadOutcome& outcome, Colour colour) {
  std::string text;
  for (const Diagnostic& diagnostic : outcome.diagnostics) {
    text += render(diagnostic, outcome.source, colour);
  }
  if (outcome.left_out != 0) {
    text += fmt::format("... and {} more\n", outcome.left_out);
  }
  return text;
}

LoadOutcome load_quick_start(const QuickStart& from, Overrides overrides) {
  const auto section = [](std::string name) {
    YamlNode one{.kind = YamlKind::map, .place = {}, .text = {}, .keys = {}, .items = {}};
    one.keys.push_back({YamlKind::scalar, {}, std::move(name), {}, {}});
    one.items.emplace_back();
    return one;
  };
  YamlNode root = section("listeners");
  root.keys.push_back({YamlKind::scalar, {}, "upstreams", {}, {}});
  root.items = {section("main"), section("main")};
  overrides.set("listeners.main.address", {from.listen_name, from.listen});
  overrides.set("listeners.main.upstream", {from.upstream_name, "main"});
  overrides.set("upstreams.main.servers",
                {from.upstream_name, fmt::format("{}", fmt::join(from.servers, ","))});
  Binding binding = bind_tree(root, own_environment(), std::move(overrides));
  apply_rules(binding);
  auto origins = origins_of(binding, {});
  LoadOutcome outcome = conclude({}, {}, std::move(binding.config), std::move(binding.diagnostics));
  outcome.origins = std::move(origins);
  return outcome;
}

}  // namespace holdfast
