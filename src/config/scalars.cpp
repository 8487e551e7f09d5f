#include "config/scalars.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <optional>

#include "config/diagnostic.h"

namespace holdfast {
namespace {

using Refused = tl::unexpected<Complaint>;

constexpr std::size_t max_host_bytes = 255;

struct Unit {
  std::string_view name;
  std::uint64_t factor;
};

// From large to small: a duration of several parts names them in this order.
constexpr std::array<Unit, 4> duration_units{
    {{"h", 3'600'000'000'000}, {"m", 60'000'000'000}, {"s", 1'000'000'000}, {"ms", 1'000'000}}};

constexpr std::array<Unit, 7> size_units{{{"g", 1ULL << 30},
                                          {"m", 1ULL << 20},
                                          {"k", 1ULL << 10},
                                          {"b", 1},
                                          {"GiB", 1ULL << 30},
                                          {"MiB", 1ULL << 20},
                                          {"KiB", 1ULL << 10}}};

constexpr std::string_view duration_hint = "write 250ms, 5s, 2m, 1h or 1m30s";
constexpr std::string_view percentage_hint = "write 10%";
constexpr std::string_view size_hint = "write 512b, 16k, 1m or 1g (powers of 1024)";

Refused refuse(std::string problem, std::string_view hint) {
  return Refused(Complaint{std::move(problem), std::string(hint)});
}

bool is_name_byte(char byte) {
  return is_digit(byte) || (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
         byte == '-' || byte == '_' || byte == '.';
}

// Takes the digits at the front of the text. Nothing if there are none or the number is too large.
std::optional<std::uint64_t> take_number(std::string_view& text) {
  std::uint64_t number = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (failure != std::errc{}) {
    return std::nullopt;
  }
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return number;
}

template <std::size_t count>
const Unit* find_unit(const std::array<Unit, count>& units, std::string_view name) {
  const auto* at = std::find_if(units.begin(), units.end(),
                                [name](const Unit& unit) { return unit.name == name; });
  return at == units.end() ? nullptr : at;
}

std::optional<std::uint64_t> scaled(std::uint64_t number, std::uint64_t factor) {
  constexpr auto most = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
  if (number > most / factor) {
    return std::nullopt;
  }
  return number * factor;
}

bool is_all_digits(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), is_digit);
}

// The name of the unit at the front: the letters up to the next digit.
std::string_view take_unit_name(std::string_view& text) {
  const auto end = std::find_if(text.begin(), text.end(), is_digit);
  const auto bytes = static_cast<std::size_t>(end - text.begin());
  const std::string_view name = text.substr(0, bytes);
  text.remove_prefix(bytes);
  return name;
}

std::optional<std::uint16_t> read_port(std::string_view text) {
  if (text.size() > 5 || !is_all_digits(text)) {
    return std::nullopt;
  }
  const std::optional<std::uint64_t> port = take_number(text);
  if (!port || *port == 0 || *port > 65535) {
    return std::nullopt;
  }
  return static_cast<std::uint16_t>(*port);
}

bool is_host(std::string_view host) {
  if (host.empty() || host.size() > max_host_bytes) {
    return false;
  }
  if (host.starts_with('[')) {
    const std::optional<SocketAddress> address = SocketAddress::parse(fmt::format("{}:1", host));
    return address.has_value() && address->is_v6();
  }
  const bool numeric = std::all_of(host.begin(), host.end(),
                                   [](char byte) { return is_digit(byte) || byte == '.'; });
  if (numeric) {
    return SocketAddress::parse(fmt::format("{}:1", host)).has_value();
  }
  return std::all_of(host.begin(), host.end(), is_name_byte) && host.front() != '-' &&
         host.front() != '.';
}

bool is_unix_socket(std::string_view text) {
  const std::optional<SocketAddress> address = SocketAddress::parse(text);
  return address && address->is_unix();
}

// Why a text that looks like a Unix socket is none.
std::string_view unix_hint(std::string_view text) {
  static_assert(SocketAddress::max_unix_bytes == 107);
  const bool is_long = text.size() > SocketAddress::max_unix_bytes;
  return is_long ? "the path of a Unix socket has at most 107 bytes"
                 : "write unix:/run/app.sock, with the whole path, or unix:@name";
}

std::string_view server_hint(std::string_view text) {
  if (text.find("://") != std::string_view::npos) {
    return "leave out the scheme: write host:port";
  }
  if (text.starts_with("unix:") || text.starts_with('/')) {
    return unix_hint(text);
  }
  if (!text.starts_with('[') && std::count(text.begin(), text.end(), ':') > 1) {
    return "an IPv6 address stands in brackets: write [::1]:80";
  }
  if (text.find(':') == std::string_view::npos) {
    return "the port is missing: write host:port";
  }
  return "write host:port, with a port from 1 to 65535";
}

}  // namespace

Reading<std::uint64_t> read_count(std::string_view text) {
  std::string_view rest = text;
  if (is_all_digits(text)) {
    if (const std::optional<std::uint64_t> number = take_number(rest)) {
      return *number;
    }
    return refuse(fmt::format("{} is too large a number", in_quotes(text)), "");
  }
  return refuse(fmt::format("{} is not a number", in_quotes(text)),
                "write digits only, without a unit");
}

Reading<Duration> read_duration(std::string_view text) {
  const Refused refused =
      refuse(fmt::format("{} is not a duration", in_quotes(text)), duration_hint);
  if (text == "0") {
    return Duration{0};
  }
  if (is_all_digits(text)) {
    return refuse(fmt::format("{} has no unit", in_quotes(text)), duration_hint);
  }
  std::uint64_t total = 0;
  const Unit* previous = nullptr;
  for (std::string_view rest = text; !rest.empty();) {
    const std::optional<std::uint64_t> number = take_number(rest);
    const Unit* unit = number ? find_unit(duration_units, take_unit_name(rest)) : nullptr;
    if (unit == nullptr || (previous != nullptr && unit <= previous)) {
      return refused;
    }
    const std::optional<std::uint64_t> part = scaled(*number, unit->factor);
    if (!part || *part > static_cast<std::uint64_t>(Duration::max().count()) - total) {
      return refuse(fmt::format("{} is too long a duration", in_quotes(text)), "");
    }
    total += *part;
    previous = unit;
  }
  if (previous == nullptr) {
    return refused;
  }
  return Duration{static_cast<Duration::rep>(total)};
}

Reading<std::uint64_t> read_size(std::string_view text) {
  if (text == "0") {
    return std::uint64_t{0};
  }
  if (is_all_digits(text)) {
    return refuse(fmt::format("{} has no unit", in_quotes(text)), size_hint);
  }
  std::string_view rest = text;
  const std::optional<std::uint64_t> number = take_number(rest);
  const Unit* unit = number ? find_unit(size_units, rest) : nullptr;
  if (unit == nullptr) {
    return refuse(fmt::format("{} is not a size", in_quotes(text)), size_hint);
  }
  const std::optional<std::uint64_t> bytes = scaled(*number, unit->factor);
  if (!bytes) {
    return refuse(fmt::format("{} is too large a size", in_quotes(text)), "");
  }
  return *bytes;
}

Reading<std::uint64_t> read_percentage(std::string_view text) {
  if (text == "0") {
    return std::uint64_t{0};
  }
  if (is_all_digits(text)) {
    return refuse(fmt::format("{} has no unit", in_quotes(text)), percentage_hint);
  }
  std::string_view rest = text;
  const std::optional<std::uint64_t> number = take_number(rest);
  if (!number || rest != "%") {
    return refuse(fmt::format("{} is not a percentage", in_quotes(text)), percentage_hint);
  }
  return *number;
}

Reading<std::uint64_t> read_mode(std::string_view text) {
  const bool is_octal =
      text.size() >= 3 && text.size() <= 4 &&
      std::all_of(text.begin(), text.end(), [](char byte) { return byte >= '0' && byte <= '7'; });
  std::uint64_t mode = 0;
  if (!is_octal) {
    return refuse(fmt::format("{} is not the mode of a file", in_quotes(text)), "write 0660");
  }
  std::from_chars(text.data(), text.data() + text.size(), mode, 8);
  return mode;
}

Reading<SocketAddress> read_listen_address(std::string_view text) {
  const std::optional<SocketAddress> address = SocketAddress::parse(text);
  if (address) {
    return *address;
  }
  std::string_view hint = "write 127.0.0.1:8080, [::1]:8080 or :8080";
  std::string by_port;
  if (read_port(text)) {
    by_port = fmt::format("write :{}", text);
    hint = by_port;
  } else if (text.starts_with("unix:") || text.starts_with('/')) {
    hint = unix_hint(text);
  }
  return refuse(fmt::format("{} is not an address to listen on", in_quotes(text)), hint);
}

Reading<std::string> read_server(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  if (is_unix_socket(text)) {
    return std::string(text);
  }
  const bool valid = colon != std::string_view::npos && is_host(text.substr(0, colon)) &&
                     read_port(text.substr(colon + 1));
  if (!valid) {
    return refuse(fmt::format("{} is not a server", in_quotes(text)), server_hint(text));
  }
  return std::string(text);
}

Reading<std::string> read_host_name(std::string_view text) {
  if (is_host(text) || (read_server(text) && !is_unix_socket(text))) {
    return std::string(text);
  }
  return refuse(fmt::format("{} is not a host name", in_quotes(text)),
                "write preserve, server, or a name such as www.example.test");
}

std::string duration_text(Duration duration) {
  const auto count = static_cast<std::uint64_t>(duration.count());
  if (count == 0) {
    return "0";
  }
  for (const Unit& unit : duration_units) {
    if (count % unit.factor == 0) {
      return fmt::format("{}{}", count / unit.factor, unit.name);
    }
  }
  return fmt::format("{}ns", count);
}

std::string size_text(std::uint64_t bytes) {
  if (bytes == 0) {
    return "0";
  }
  for (const Unit& unit : size_units) {
    if (bytes % unit.factor == 0) {
      return fmt::format("{}{}", bytes / unit.factor, unit.name);
    }
  }
  return fmt::format("{}b", bytes);
}

}  // namespace holdfast
