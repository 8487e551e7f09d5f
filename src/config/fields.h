#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "config/config.h"

namespace holdfast {

// What the value of a key is: how its text is read, written and described.
enum class FieldKind : std::uint8_t {
  map,    // of the keys below it in the table
  names,  // a map of names that the user chooses
  maps,   // a list of maps
  count,
  workers,  // a count or "auto"
  mode,     // of a file: octal digits
  size,
  duration,
  duration_or_auto,
  percentage,
  choice,   // one of a few words
  path,     // of a file, or "stdout"
  address,  // to listen on
  address_or_off,
  networks,    // a list of address prefixes
  addresses,   // a list of IP addresses of this machine
  ports,       // the first and the last of a range, or "auto"
  servers,     // a list of host:port
  host,        // preserve, server, or a literal name
  upstream,    // the name of an upstream
  route_host,  // a host, "*.suffix"
  route_path,  // the beginning of a path
};

enum class Need : std::uint8_t { optional, required };

// A list of single values. A list of maps is none of these.
[[nodiscard]] constexpr bool is_list(FieldKind kind) {
  return kind == FieldKind::networks || kind == FieldKind::servers || kind == FieldKind::addresses;
}

// Whether a reload may change the key, or only a restart.
enum class Change : std::uint8_t { reload, restart };

// The part of a configuration that a key writes to. The pointers are borrowed; `listener` is set
// below "listeners.*", `upstream` below "upstreams.*", `route` below "listeners.*.routes.*".
struct FieldTarget {
  Config* config = nullptr;
  ListenerOptions* listener = nullptr;
  UpstreamOptions* upstream = nullptr;
  RouteOptions* route = nullptr;
};

// One of each part, with its defaults: what a row can be asked for without a configuration.
struct DefaultTarget {
  Config config;
  ListenerOptions listener;
  UpstreamOptions upstream;
  RouteOptions route;

  [[nodiscard]] FieldTarget parts() {
    return {.config = &config, .listener = &listener, .upstream = &upstream, .route = &route};
  }
};

// The elements of a map of names or of a list of maps. A target whose part is an element holds
// until the next one is added.
struct FieldItems {
  std::size_t (*count)(const FieldTarget& target);
  FieldTarget (*at)(FieldTarget target, std::size_t index);
  FieldTarget (*add)(FieldTarget target, std::string_view name);  // the name is "" in a list
  std::string_view (*name)(const FieldTarget& target);            // of the element that is its part
};

// Stands for host and host_name, which one key fills.
struct HostSlot {
  UpstreamOptions* of = nullptr;
};

// The member that a key fills. Empty for what holds other keys.
using FieldSlot =
    std::variant<std::monostate, std::uint32_t*, std::uint64_t*, Duration*, std::string*,
                 SocketAddress*, std::optional<SocketAddress>*, bool*, std::vector<Network>*,
                 std::vector<std::string>*, std::vector<IpAddress>*, PortRange*, LogLevel*,
                 LogFormat*, HalfClose*, ProtocolChoice*, ReplayMethods*, Balance*, AddressFamily*,
                 AccessLogFormat*, RequestIdChoice*, ProxyStatusChoice*, Retire*, HostSlot>;

// The numbers a value may be: nanoseconds, bytes, hundredths or a count, as its kind has it.
struct FieldRange {
  std::uint64_t min = 0;
  std::uint64_t max = 0;
};

// One key. `path` names it from the root; "*" stands for a name that the user chooses, or for any
// element of a list. The default is that of the member, unless `follows` names another key of the
// same map to take it from. A row for `names` or `maps` has items; it is followed by one with "*".
struct Field {
  std::string_view path;
  FieldKind kind = FieldKind::map;
  const FieldItems* items = nullptr;
  FieldSlot (*slot)(const FieldTarget& target) = nullptr;
  FieldRange range{};
  std::string_view choices{};  // "a|b|c", in the order of the enum
  Need need = Need::optional;
  std::string_view instead{};  // the key of the same map that can stand in its place
  Change change = Change::reload;
  std::string_view follows{};
  std::string_view line{};     // for the reference: what the key means
  std::string_view foreign{};  // other tools' words for it, separated by spaces
};

// All keys, in the order of the reference; a map stands before its keys. The rows are in
// *_keys.h, by section. This table is the only place that knows a key: parser, errors and reference
// are made from it.
[[nodiscard]] std::span<const Field> fields();

// The key with this path, or null. The path has "*" for names.
[[nodiscard]] const Field* find_field(std::string_view path);

// The last part of a path: "pool" of "upstreams.*.pool".
[[nodiscard]] std::string_view last_part(std::string_view path);

// The path of the map that holds this one: "upstreams.*" of "upstreams.*.pool", "" of "log".
[[nodiscard]] std::string_view path_above(std::string_view path);

// The path as a person reads it: "upstreams.NAME.pool", "listeners.NAME.routes[].host".
[[nodiscard]] std::string path_for_people(std::string_view path);

// The last parts of the keys of a map; "" is the root.
[[nodiscard]] std::vector<std::string_view> keys_below(std::string_view path);

// The words of a choice.
[[nodiscard]] std::vector<std::string_view> choices_of(const Field& field);

// A word as the foreign ones are written: in small letters, with '_' for '-' and blanks.
[[nodiscard]] std::string normalised_word(std::string_view word);

// Where another tool's word, or a key that stands in the wrong map, belongs; null if it means
// nothing here. Prefers
// `path`, the map it was found in, then the section (the first part) that this is of.
[[nodiscard]] const Field* find_foreign(std::string_view word, std::string_view path);
[[nodiscard]] const Field* find_misplaced(std::string_view key, std::string_view path);

}  // namespace holdfast
