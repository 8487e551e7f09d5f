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
  for (const ListenerOptions& listener : binding.config.listeners) {
    used.insert(listener.upstream);
    if (known.contains(listener.upstream)) {
      continue;
    }
    all_known = false;
    if (listener.upstream.empty()) {
      continue;  // It is missing or was refused: reported already.
    }
    const std::optional<std::string_view> meant = nearest(listener.upstream, names);
    report(binding, Severity::error, fmt::format("listeners.{}.upstream", listener.name),
           fmt::format("unknown upstream {} in listeners.{}{}", in_quotes(listener.upstream),
                       listener.name, meant ? fmt::format("; did you mean '{}'?", *meant) : ""));
  }
  // As long as a listener's upstream is in doubt, so is what is unused.
  for (const std::string_view name : names) {
    if (all_known && !used.contains(name)) {
      report(binding, Severity::warning, fmt::format("upstreams.{}", name),
             fmt::format("upstreams.{} is not used by any listener", name));
    }
  }
}

void require_distinct_addresses(Binding& binding) {
  const std::vector<ListenerOptions>& listeners = binding.config.listeners;
  const std::optional<SocketAddress>& status = binding.config.status.address;
  std::map<std::string, std::string_view> owner;
  for (const ListenerOptions& listener : listeners) {
    if (listener.address.port() == 0) {
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

}  // namespace

void apply_rules(Binding& binding) {
  for (UpstreamOptions& upstream : binding.config.upstreams) {
    complete_pool(binding, upstream);
  }
  require_known_upstreams(binding);
  require_distinct_addresses(binding);
}

}  // namespace holdfast
