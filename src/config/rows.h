#pragma once

#include <cstdint>

#include "config/fields.h"

namespace holdfast::keys {

// What the rows of the table of keys are written with; only the tables include it.

inline constexpr std::uint64_t kib = 1024;
inline constexpr std::uint64_t mib = 1024 * kib;
inline constexpr std::uint64_t tib = 1024 * 1024 * mib;
inline constexpr std::uint64_t million = 1'000'000;

constexpr std::uint64_t ns(Duration duration) {
  return static_cast<std::uint64_t>(duration.count());
}
inline constexpr FieldRange up_to_an_hour{0, ns(1h)};
inline constexpr FieldRange up_to_a_day{0, ns(24h)};
inline constexpr FieldRange any_number{0, 1'000'000 * million};

// The member that a row fills: one of the process, of a listener, or of an upstream.
template <auto... members>
FieldSlot of_config(const FieldTarget& target) {
  return &((*target.config).*....*members);
}

template <auto... members>
FieldSlot of_listener(const FieldTarget& target) {
  return &((*target.listener).*....*members);
}

template <auto... members>
FieldSlot of_upstream(const FieldTarget& target) {
  return &((*target.upstream).*....*members);
}

template <auto... members>
FieldSlot of_route(const FieldTarget& target) {
  return &((*target.route).*....*members);
}

// The elements of a vector in one part of the target, each of which becomes another part.
template <auto part, auto vector, auto element>
inline constexpr FieldItems items_of = {
    .count = [](const FieldTarget& target) { return ((target.*part)->*vector).size(); },
    .at =
        [](FieldTarget target, std::size_t index) {
          target.*element = &((target.*part)->*vector).at(index);
          return target;
        },
    .add =
        [](FieldTarget target, std::string_view name) {
          auto& added = ((target.*part)->*vector).emplace_back();
          if constexpr (requires { added.name = name; }) {
            added.name = name;
          }
          target.*element = &added;
          return target;
        },
    .name = [](const FieldTarget& target) -> std::string_view {
      if constexpr (requires { (target.*element)->name; }) {
        return (target.*element)->name;
      }
      return {};
    }};

inline constexpr FieldItems listeners_of_config =
    items_of<&FieldTarget::config, &Config::listeners, &FieldTarget::listener>;
inline constexpr FieldItems upstreams_of_config =
    items_of<&FieldTarget::config, &Config::upstreams, &FieldTarget::upstream>;

inline constexpr FieldItems routes_of_listener =
    items_of<&FieldTarget::listener, &ListenerOptions::routes, &FieldTarget::route>;

inline FieldSlot host_of_upstream(const FieldTarget& target) { return HostSlot{target.upstream}; }

}  // namespace holdfast::keys
