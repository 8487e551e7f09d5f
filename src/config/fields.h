#pragma once

#include <cstdint>
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
  count,
  workers,  // a count or "auto"
  size,
  duration,
  percentage,
  choice,    // one of a few words
  address,   // to listen on
  networks,  // a list of address prefixes
  servers,   // a list of host:port
  host,      // preserve, server, or a literal name
  upstream,  // the name of an upstream
};

enum class Need : std::uint8_t { optional, required };

// Whether a reload may change the key, or only a restart.
enum class Change : std::uint8_t { reload, restart };

// The part of a configuration that a key writes to. The pointers are borrowed; `listener` is set
// below "listeners.*", `upstream` below "upstreams.*".
struct FieldTarget {
  Config* config = nullptr;
  ListenerOptions* listener = nullptr;
  UpstreamOptions* upstream = nullptr;
};

// Stands for host and host_name, which one key fills.
struct HostSlot {
  UpstreamOptions* of = nullptr;
};

// The member that a key fills. Empty for a map.
using FieldSlot =
    std::variant<std::monostate, std::uint32_t*, std::uint64_t*, Duration*, std::string*,
                 SocketAddress*, std::vector<Network>*, std::vector<std::string>*, LogLevel*,
                 LogFormat*, HalfClose*, ProtocolChoice*, ReplayMethods*, HostSlot>;

// The numbers a value may be: nanoseconds, bytes, hundredths or a count, as its kind has it.
struct FieldRange {
  std::uint64_t min = 0;
  std::uint64_t max = 0;
};

// One key. `path` names it from the root; "*" stands for a name that the user chooses. The default
// is that of the member, unless `follows` names another key of the same map to take it from.
struct Field {
  std::string_view path;
  FieldKind kind = FieldKind::map;
  FieldSlot (*slot)(const FieldTarget& target) = nullptr;
  FieldRange range{};
  std::string_view choices{};  // "a|b|c", in the order of the enum
  Need need = Need::optional;
  Change change = Change::reload;
  std::string_view follows{};
  std::string_view line{};     // for the reference: what the key means
  std::string_view foreign{};  // other tools' words for it, separated by spaces
};

// All keys, in the order of the reference; a map stands before its keys. This table is the only
// place that knows a key: parser, errors and reference are made from it.
[[nodiscard]] std::span<const Field> fields();

// The key with this path, or null. The path has "*" for names.
[[nodiscard]] const Field* find_field(std::string_view path);

// The last part of a path: "pool" of "upstreams.*.pool".
[[nodiscard]] std::string_view last_part(std::string_view path);

// The path of the map that holds this one: "upstreams.*" of "upstreams.*.pool", "" of "log".
[[nodiscard]] std::string_view path_above(std::string_view path);

// The last parts of the keys of a map; "" is the root.
[[nodiscard]] std::vector<std::string_view> keys_below(std::string_view path);

// The words of a choice.
[[nodiscard]] std::vector<std::string_view> choices_of(const Field& field);

// Where another tool's word, or a key that stands in the wrong map, belongs; null if it means
// nothing here. Prefers the section (the first part) that `path`, the map it was found in, is of.
[[nodiscard]] const Field* find_foreign(std::string_view word, std::string_view path);
[[nodiscard]] const Field* find_misplaced(std::string_view key, std::string_view path);

}  // namespace holdfast
