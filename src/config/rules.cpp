#include "config/rules.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <set>
#include <string_view>

#include "config/suggest.h"

namespace holdfast {
namespace {

void report(Binding& binding, Severity severity, const std::string& path, std::string message) {
  const auto at = binding.places.find(path);
  const Place place = at == binding.places.end() ? Place{} : at->second;
  const auto name = binding.overruled.find(path);
  binding.diagnostics.push_back({severity,
                                 name == binding.overruled.end() ? std::string{} : name->second,
                                 place, std::move(message)});
}

void complete_pool(Binding& binding, UpstreamOptions& upstream) {
  const std::string path = fmt::format("upstreams.{}.pool.max_idle", upstream.name);
  PoolLimits& pool = upstream.pool;
  if (!binding.places.contains(path)) {
    pool.max_idle = pool.max_connections;
  } else if (pool.max_idle > pool.max_connections) {
    report(binding, Severity::warning, path,
           fmt::format("max_idle {} in upstreams.{}.pool is more than max_connections {}; only so "
                       "many are ever open",
                       pool.max_idle, upstream.name, pool.max_connections));
  }
}

// What is kept ready has to have room.
void complete_readiness(Binding& binding, UpstreamOptions& upstream) {
  PoolLimits& pool = upstream.pool;
  const std::uint32_t room = std::min(pool.max_connections, pool.max_idle);
  if (pool.min_idle > room) {
    report(binding, Severity::warning, fmt::format("upstreams.{}.pool.min_idle", upstream.name),
           fmt::format("min_idle {} in upstreams.{}.pool is more than the {} that there may be; "
                       "only so many are kept ready",
                       pool.min_idle, upstream.name, room));
    pool.min_idle = room;
  }
}

std::string route_path_of(const ListenerOptions& listener, std::size_t route) {
  return fmt::format("listeners.{}.routes[{}]", listener.name, route);
}

// What names an upstream, and which.
using NamedUpstream = std::pair<std::string, std::string_view>;
std::vector<NamedUpstream> named_upstreams(const Config& config) {
  std::vector<NamedUpstream> named;
  for (const ListenerOptions& listener : config.listeners) {
    if (listener.routes.empty()) {
      named.emplace_back("listeners." + listener.name, listener.upstream);
    }
    for (std::size_t i = 0; i < listener.routes.size(); ++i) {
      named.emplace_back(route_path_of(listener, i), listener.routes[i].upstream);
    }
  }
  return named;
}

void require_known_upstreams(Binding& binding) {
  std::vector<std::string_view> names;
  for (const UpstreamOptions& upstream : binding.config.upstreams) {
    names.emplace_back(upstream.name);
  }
  if (names.empty()) {
    return;  // That is reported already, and all names would be unknown.
  }
  const std::set<std::string_view> known(names.begin(), names.end());
  std::set<std::string_view> used;
  bool all_known = !binding.config.listeners.empty();
  for (const auto& [place, name] : named_upstreams(binding.config)) {
    used.insert(name);
    if (known.contains(name)) {
      continue;
    }
    all_known = false;
    if (name.empty()) {
      continue;  // It is missing or was refused: reported already.
    }
    const std::optional<std::string_view> meant = nearest(name, names);
    report(binding, Severity::error, fmt::format("{}.upstream", place),
           fmt::format("unknown upstream {} in {}{}", in_quotes(name), place,
                       meant ? fmt::format("; did you mean '{}'?", *meant) : ""));
  }
  // As long as a listener's upstream is in doubt, so is what is unused.
  for (const std::string_view name : names) {
    if (all_known && !used.contains(name)) {
      report(binding, Severity::warning, fmt::format("upstreams.{}", name),
             fmt::format("upstreams.{} is not used by any listener", name));
    }
  }
}

void warn_of_idle_modes(Binding& binding) {
  for (const ListenerOptions& listener : binding.config.listeners) {
    const std::string path = fmt::format("listeners.{}.mode", listener.name);
    if (binding.places.contains(path) && listener.address.file().empty() &&
        listener.address.port() != 0) {
      report(binding, Severity::warning, path,
             fmt::format("{} means nothing: {} is not the file of a Unix socket", path,
                         listener.address.text()));
    }
  }
}

void require_distinct_addresses(Binding& binding) {
  const std::vector<ListenerOptions>& listeners = binding.config.listeners;
  const std::optional<SocketAddress>& status = binding.config.status.address;
  std::map<std::string, std::string_view> owner;
  for (const ListenerOptions& listener : listeners) {
    if (listener.address.port() == 0 && !listener.address.is_unix()) {
      continue;  // The kernel chooses one, or it was refused and reported already.
    }
    const auto [first, is_new] = owner.try_emplace(listener.address.text(), listener.name);
    if (!is_new) {
      report(binding, Severity::error, fmt::format("listeners.{}.address", listener.name),
             fmt::format("address {} in listeners.{} is that of listeners.{} too",
                         listener.address.text(), listener.name, first->second));
    }
    // The default gives way: the status listener is then not opened, with a warning.
    if (status && status->text() == listener.address.text() &&
        status->text() != StatusOptions::default_address) {
      report(binding, Severity::error, fmt::format("listeners.{}.address", listener.name),
             fmt::format("address {} in listeners.{} is that of status too; choose another "
                         "status.address, or off",
                         listener.address.text(), listener.name));
    }
  }
}

bool was_refused(const Binding& binding, const std::string& path) {
  const auto at = binding.places.find(path);
  return at != binding.places.end() &&
         std::any_of(binding.diagnostics.begin(), binding.diagnostics.end(),
                     [&](const Diagnostic& told) { return told.place == at->second; });
}

// Of two routes for the same host and path one would never be taken, and neither is one whose path
// is longer than that of any request may be.
void require_distinct_routes(Binding& binding, const ListenerOptions& listener) {
  std::map<std::pair<std::string_view, std::string_view>, std::string> owner;
  for (std::size_t i = 0; i < listener.routes.size(); ++i) {
    const RouteOptions& route = listener.routes[i];
    const std::string path = route_path_of(listener, i);
    if (was_refused(binding, path + ".host") || was_refused(binding, path + ".path") ||
        binding.doubtful.contains(path)) {
      continue;
    }
    const auto [first, is_new] = owner.try_emplace({route.host, route.path}, path);
    if (!is_new) {
      report(binding, Severity::error, path,
             fmt::format("{} has the host and path of {} in line {}; one of them would never be "
                         "taken",
                         path, first->second, binding.places.find(first->second)->second.line));
    }
    if (route.path.size() > listener.limits.target) {
      report(binding, Severity::error, path + ".path",
             fmt::format("{} never matches: its path is longer than limits.target", path));
    }
  }
}

}  // namespace

void apply_rules(Binding& binding) {
  for (UpstreamOptions& upstream : binding.config.upstreams) {
    complete_pool(binding, upstream);
    complete_readiness(binding, upstream);
  }
  require_known_upstreams(binding);
  require_distinct_addresses(binding);
  warn_of_idle_modes(binding);
  for (const ListenerOptions& listener : binding.config.listeners) {
    require_distinct_routes(binding, listener);
  }
}

}  // namespace holdfast
