#include "config/load.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
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

// A configuration file as text, or why it cannot be read. Reads no more than its limit.
tl::expected<std::string, std::string> read_text(const std::string& path) {
  const auto failed = [](int error) {
    return tl::unexpected(fmt::format("cannot be read: {}", std::strerror(error)));
  };
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY);
  if (fd < 0) {
    return failed(errno);
  }
  std::string text(max_config_bytes + 1, '\0');
  std::size_t filled = 0;
  ssize_t got = 0;
  while (filled < text.size()) {
    got = ::read(fd, text.data() + filled, text.size() - filled);
    if (got < 0 && errno == EINTR) {
      continue;
    }
    if (got <= 0) {
      break;
    }
    filled += static_cast<std::size_t>(got);
  }
  const int error = got < 0 ? errno : 0;
  ::close(fd);
  if (error != 0) {
    return failed(error);
  }
  text.resize(filled);
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

LoadOutcome refuse(const std::string& name, std::string message, std::string source = {}) {
  return conclude(name, std::move(source), {},
                  {Diagnostic{Severity::error, {}, {}, std::move(message)}});
}

}  // namespace

LoadOutcome load_file(const std::string& path, const Environment& environment) {
  tl::expected<std::string, std::string> text = read_text(path);
  if (!text) {
    return refuse(path, std::move(text).error());
  }
  return load_text(path, *std::move(text), environment);
}

LoadOutcome load_text(const std::string& name, std::string text, const Environment& environment) {
  if (text.size() > max_config_bytes) {
    return refuse(name, fmt::format("larger than {}", size_text(max_config_bytes)));
  }
  const tl::expected<YamlNode, Diagnostic> root = parse_yaml(text);
  if (!root) {
    return conclude(name, std::move(text), {}, {root.error()});
  }
  if (root->kind == YamlKind::null) {
    return refuse(name, "empty; it needs at least listeners and upstreams", std::move(text));
  }
  Binding binding = bind_tree(*root, environment);
  apply_rules(binding);
  return conclude(name, std::move(text), std::move(binding.config), std::move(binding.diagnostics));
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

LoadOutcome load_quick_start(const QuickStart& from) {
  Config config;
  std::vector<Diagnostic> diagnostics;
  const auto report = [&](const std::string& name, const Complaint& complaint) {
    const std::string_view separator = complaint.hint.empty() ? "" : "; ";
    diagnostics.push_back({Severity::error,
                           name,
                           {},
                           fmt::format("{}{}{}", complaint.problem, separator, complaint.hint)});
  };
  ListenerOptions& listener = config.listeners.emplace_back();
  listener.name = "main";
  listener.upstream = "main";
  if (const Reading<SocketAddress> address = read_listen_address(from.listen)) {
    listener.address = *address;
  } else {
    report(from.listen_name, address.error());
  }
  UpstreamOptions& upstream = config.upstreams.emplace_back();
  upstream.name = "main";
  for (const std::string& text : from.servers) {
    if (const Reading<std::string> server = read_server(text)) {
      upstream.servers.push_back(*server);
    } else {
      report(from.upstream_name, server.error());
    }
  }
  return conclude({}, {}, std::move(config), std::move(diagnostics));
}

}  // namespace holdfast
