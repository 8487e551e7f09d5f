#include "config/overrides.h"

#include <unistd.h>

#include <algorithm>
#include <utility>

#include "config/scalars.h"

namespace holdfast {
namespace {

// Kubernetes describes the service "holdfast" to every pod beside it: HOLDFAST_SERVICE_HOST,
// HOLDFAST_PORT=tcp://10.0.0.1:80, HOLDFAST_PORT_80_TCP_ADDR and more.
bool is_service_link(std::string_view name, std::string_view text) {
  name.remove_prefix(variable_prefix.size());
  if (name == "PORT") {
    return text.starts_with("tcp://") || text.starts_with("udp://");
  }
  const std::string_view port = "PORT_";
  const bool has_number =
      name.starts_with(port) && name.size() > port.size() && is_digit(name[port.size()]);
  return has_number || name == "SERVICE_HOST" || name.starts_with("SERVICE_PORT");
}

}  // namespace

std::string variable_name(std::string_view path) {
  std::string name(variable_prefix);
  for (const char byte : path) {
    if (byte >= 'a' && byte <= 'z') {
      name += static_cast<char>(byte - 'a' + 'A');
    } else if ((byte >= 'A' && byte <= 'Z') || is_digit(byte)) {
      name += byte;
    } else if (byte != ']') {
      name += '_';
    }
  }
  return name;
}

Overrides Overrides::from_variables(const char* const* variables) {
  Overrides result;
  for (; variables != nullptr && *variables != nullptr; ++variables) {
    const std::string_view entry = *variables;
    const std::size_t equals = std::min(entry.find('='), entry.size());
    const std::string name(entry.substr(0, equals));
    const std::string text(entry.substr(std::min(equals + 1, entry.size())));
    const bool is_ours = name.starts_with(variable_prefix) && name != listen_variable &&
                         name != upstream_variable && !text.empty();
    if (is_ours && !is_service_link(name, text)) {
      result.variables_.try_emplace(name, Entry{{name, text}, {}});
    }
  }
  return result;
}

Overrides Overrides::from_environment() { return from_variables(environ); }

void Overrides::set(std::string path, Override value) {
  by_path_.insert_or_assign(std::move(path), Entry{std::move(value), {}});
}

const Override* Overrides::find(const std::string& path) {
  const auto variable = variables_.find(variable_name(path));
  if (variable != variables_.end()) {
    variable->second.paths.push_back(path);
  }
  const auto flag = by_path_.find(path);
  if (flag != by_path_.end()) {
    flag->second.paths.push_back(path);
    return &flag->second.value;
  }
  return variable == variables_.end() ? nullptr : &variable->second.value;
}

bool Overrides::any_below(const std::string& path) const {
  const auto holds = [](const auto& map, const std::string& start) {
    const auto at = map.lower_bound(start);
    return at != map.end() && at->first.starts_with(start);
  };
  return holds(by_path_, path + '.') || holds(variables_, variable_name(path) + '_');
}

std::vector<std::string> Overrides::unused() const {
  std::vector<std::string> names;
  for (const auto* entries : {&by_path_, &variables_}) {
    for (const auto& [name, entry] : *entries) {
      if (entry.paths.empty()) {
        names.push_back(entry.value.name);
      }
    }
  }
  return names;
}

std::vector<std::pair<std::string, std::vector<std::string>>> Overrides::ambiguous() const {
  std::vector<std::pair<std::string, std::vector<std::string>>> found;
  for (const auto& [name, variable] : variables_) {
    if (variable.paths.size() > 1) {
      found.emplace_back(name, variable.paths);
    }
  }
  return found;
}

}  // namespace holdfast
