#include "config/values.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/check.h"
#include "config/diagnostic.h"
#include "config/route_values.h"
#include "config/suggest.h"

namespace holdfast {
namespace {

constexpr std::size_t max_list_items = 1024;
constexpr std::string_view stdout_word = "stdout";

template <class Slot>
inline constexpr bool is_list_slot = false;
template <class Value>
inline constexpr bool is_list_slot<std::vector<Value>*> = true;

std::string number_text(const Field& field, std::uint64_t number) {
  if (field.kind == FieldKind::size) {
    return size_text(number);
  }
  if (field.kind == FieldKind::duration || field.kind == FieldKind::duration_or_auto) {
    return duration_text(Duration{static_cast<Duration::rep>(number)});
  }
  if (field.kind == FieldKind::mode) {
    return fmt::format("{:04o}", number);
  }
  if (field.kind == FieldKind::percentage) {
    return fmt::format("{}%", number);
  }
  return field.kind == FieldKind::workers && number == 0 ? "auto" : std::to_string(number);
}

Reading<std::uint64_t> read_number(const Field& field, std::string_view text) {
  if (field.kind == FieldKind::size) {
    return read_size(text);
  }
  if (field.kind == FieldKind::duration || field.kind == FieldKind::duration_or_auto) {
    return read_duration(text).map(
        [](Duration duration) { return static_cast<std::uint64_t>(duration.count()); });
  }
  if (field.kind == FieldKind::mode) {
    return read_mode(text);
  }
  return field.kind == FieldKind::percentage ? read_percentage(text) : read_count(text);
}

Complaint unknown_word(std::string_view text, std::span<const std::string_view> words) {
  const std::optional<std::string_view> meant = nearest(text, words);
  return {fmt::format("{} is not one of {}", in_quotes(text), alternatives(words)),
          meant ? fmt::format("did you mean '{}'?", *meant) : ""};
}

// Reads a text into the member that the slot names.
struct Putter {
  const Field& field;
  std::string_view text;

  using Outcome = std::optional<Complaint>;

  template <class Number>
  Outcome put_number(Number* to) const {
    if (field.kind == FieldKind::workers && text == "auto") {
      *to = Number{};
      return std::nullopt;
    }
    const Reading<std::uint64_t> number = read_number(field, text);
    if (!number) {
      return number.error();
    }
    if (*number < field.range.min || *number > field.range.max) {
      return Complaint{fmt::format("{} is out of range", in_quotes(text)),
                       fmt::format("it goes from {} to {}", number_text(field, field.range.min),
                                   number_text(field, field.range.max))};
    }
    *to = static_cast<Number>(*number);
    return std::nullopt;
  }

  template <class Enum>
  Outcome put_choice(Enum* to) const {
    const std::vector<std::string_view> words = choices_of(field);
    const auto at = std::find(words.begin(), words.end(), text);
    if (at == words.end()) {
      return unknown_word(text, words);
    }
    *to = static_cast<Enum>(at - words.begin());
    return std::nullopt;
  }

  template <class Value>
  static Outcome put_reading(Value* to, Reading<Value> reading) {
    if (!reading) {
      return std::move(reading).error();
    }
    *to = *std::move(reading);
    return std::nullopt;
  }

  template <class Value>
  static Outcome append(std::vector<Value>* to, const Value& value) {
    if (to->size() == max_list_items) {
      return Complaint{fmt::format("more than {} values", max_list_items), ""};
    }
    to->push_back(value);
    return std::nullopt;
  }

  Outcome operator()(std::monostate /*map*/) const {
    check(false, "a map has no value of its own");
    return std::nullopt;
  }
  Outcome operator()(std::uint32_t* to) const { return put_number(to); }
  Outcome operator()(std::uint64_t* to) const { return put_number(to); }
  Outcome operator()(Duration* to) const {
    if (field.kind == FieldKind::duration_or_auto && text == "auto") {
      *to = learned_timeout;
      return std::nullopt;
    }
    std::uint64_t count = 0;
    Outcome refused = put_number(&count);
    if (!refused) {
      *to = Duration{static_cast<Duration::rep>(count)};
    }
    return refused;
  }
  Outcome operator()(std::string* to) const {
    if (text.empty()) {
      return Complaint{"an empty text", ""};
    }
    // A slip in the word would make a file.
    if (field.kind == FieldKind::path && text != stdout_word &&
        text.find('/') == std::string_view::npos) {
      return Complaint{fmt::format("{} is neither '{}' nor a path", in_quotes(text), stdout_word),
                       fmt::format("write './{}' for a file where holdfast is started", text)};
    }
    if (field.kind == FieldKind::route_host) {
      return put_reading(to, read_route_host(text));
    }
    if (field.kind == FieldKind::route_path) {
      return put_reading(to, read_route_path(text));
    }
    *to = text;
    return std::nullopt;
  }
  Outcome operator()(SocketAddress* to) const { return put_reading(to, read_listen_address(text)); }
  Outcome operator()(std::optional<SocketAddress>* to) const {
    if (text.empty() || text == "off") {
      to->reset();
      return std::nullopt;
    }
    SocketAddress address;
    Outcome refused = put_reading(&address, read_listen_address(text));
    if (!refused) {
      *to = address;
    }
    return refused;
  }
  Outcome operator()(bool* to) const { return put_choice(to); }
  Outcome operator()(LogLevel* to) const { return put_choice(to); }
  Outcome operator()(LogFormat* to) const { return put_choice(to); }
  Outcome operator()(HalfClose* to) const { return put_choice(to); }
  Outcome operator()(ProtocolChoice* to) const { return put_choice(to); }
  Outcome operator()(ReplayMethods* to) const { return put_choice(to); }
  Outcome operator()(Balance* to) const { return put_choice(to); }
  Outcome operator()(AddressFamily* to) const { return put_choice(to); }
  Outcome operator()(AccessLogFormat* to) const { return put_choice(to); }
  Outcome operator()(RequestIdChoice* to) const { return put_choice(to); }
  Outcome operator()(ProxyStatusChoice* to) const { return put_choice(to); }
  Outcome operator()(Retire* to) const { return put_choice(to); }

  Outcome operator()(std::vector<Network>* to) const {
    const std::optional<Network> network = Network::parse(text);
    if (!network) {
      return Complaint{fmt::format("{} is not a network", in_quotes(text)),
                       "write 10.0.0.0/8, fd00::/8 or a single address"};
    }
    return append(to, *network);
  }
  Outcome operator()(std::vector<IpAddress>* to) const {
    const std::optional<IpAddress> address = IpAddress::parse(text);
    if (!address) {
      return Complaint{fmt::format("{} is not an IP address", in_quotes(text)),
                       "write addresses of this machine, without a port: 10.0.0.5"};
    }
    if (std::find(to->begin(), to->end(), *address) != to->end()) {
      return Complaint{fmt::format("{} is named twice", in_quotes(text)), ""};
    }
    if (to->size() == max_source_addresses) {
      return Complaint{fmt::format("more than {} addresses", max_source_addresses), ""};
    }
    return append(to, *address);
  }
  Outcome operator()(PortRange* to) const {
    const std::optional<PortRange> range = PortRange::parse(text);
    if (!range && text != "auto") {
      return Complaint{fmt::format("{} is not a range of ports", in_quotes(text)),
                       "write the first and the last one: \"40000-49999\", or auto"};
    }
    *to = range.value_or(PortRange{});
    return std::nullopt;
  }
  Outcome operator()(std::vector<std::string>* to) const {
    const Reading<std::string> server = read_server(text);
    if (!server) {
      return server.error();
    }
    if (std::find(to->begin(), to->end(), *server) != to->end()) {
      return Complaint{fmt::format("{} is named twice", in_quotes(text)), ""};
    }
    return append(to, *server);
  }

  Outcome operator()(HostSlot to) const {
    if (text == "preserve" || text == "server") {
      to.of->host = text == "server" ? HostChoice::server : HostChoice::preserve;
      to.of->host_name.clear();
      return std::nullopt;
    }
    // A slip in a keyword would be a valid name, and a very wrong one.
    const std::vector<std::string_view> words = {"preserve", "server"};
    if (const auto meant = nearest(text, words)) {
      return Complaint{fmt::format("{} is too like a keyword for a host name", in_quotes(text)),
                       fmt::format("did you mean '{}'?", *meant)};
    }
    Outcome refused = put_reading(&to.of->host_name, read_host_name(text));
    if (!refused) {
      to.of->host = HostChoice::literal;
    }
    return refused;
  }
};

// Writes the member that the slot names as text.
struct ValueWriter {
  const Field& field;

  template <class Enum>
  std::string choice(Enum value) const {
    return std::string(choices_of(field).at(static_cast<std::size_t>(value)));
  }

  std::string operator()(std::monostate /*map*/) const { return ""; }
  std::string operator()(const std::uint32_t* from) const { return number_text(field, *from); }
  std::string operator()(const std::uint64_t* from) const { return number_text(field, *from); }
  std::string operator()(const Duration* from) const {
    const bool learned = field.kind == FieldKind::duration_or_auto && *from == learned_timeout;
    return learned ? "auto" : duration_text(*from);
  }
  std::string operator()(const std::string* from) const { return *from; }
  std::string operator()(const SocketAddress* from) const { return from->text(); }
  std::string operator()(const std::optional<SocketAddress>* from) const {
    return *from ? (*from)->text() : "off";
  }
  std::string operator()(const bool* from) const { return choice(*from); }
  std::string operator()(const LogLevel* from) const { return choice(*from); }
  std::string operator()(const LogFormat* from) const { return choice(*from); }
  std::string operator()(const HalfClose* from) const { return choice(*from); }
  std::string operator()(const ProtocolChoice* from) const { return choice(*from); }
  std::string operator()(const ReplayMethods* from) const { return choice(*from); }
  std::string operator()(const Balance* from) const { return choice(*from); }
  std::string operator()(const AddressFamily* from) const { return choice(*from); }
  std::string operator()(const AccessLogFormat* from) const { return choice(*from); }
  std::string operator()(const RequestIdChoice* from) const { return choice(*from); }
  std::string operator()(const ProxyStatusChoice* from) const { return choice(*from); }
  std::string operator()(const PortRange* from) const {
    return from->empty() ? "auto" : from->text();
  }
  std::string operator()(const Retire* from) const { return choice(*from); }
  template <class Value>
  std::string operator()(std::vector<Value>* from) const {
    return fmt::format("[{}]", fmt::join(item_texts(from), ", "));
  }
  std::string operator()(HostSlot from) const {
    switch (from.of->host) {
      case HostChoice::preserve:
        return "preserve";
      case HostChoice::server:
        return "server";
      case HostChoice::literal:
        break;
    }
    return from.of->host_name;
  }
};

}  // namespace

std::optional<Complaint> put_value(const Field& field, FieldSlot slot, std::string_view text) {
  return std::visit(Putter{field, text}, slot);
}

std::string value_text(const Field& field, FieldSlot slot) {
  return std::visit(ValueWriter{field}, slot);
}

std::vector<std::string> item_texts(FieldSlot slot) {
  std::vector<std::string> texts;
  if (const auto* networks = std::get_if<std::vector<Network>*>(&slot)) {
    for (const Network& network : **networks) {
      texts.push_back(network.text());
    }
  } else if (const auto* addresses = std::get_if<std::vector<IpAddress>*>(&slot)) {
    for (const IpAddress& address : **addresses) {
      texts.push_back(address.text());
    }
  } else if (const auto* words = std::get_if<std::vector<std::string>*>(&slot)) {
    texts = **words;
  }
  return texts;
}

void clear_list(FieldSlot slot) {
  std::visit(
      []<class Slot>(Slot to) {
        if constexpr (is_list_slot<Slot>) {
          to->clear();
        }
      },
      slot);
}

std::string default_text(const Field& field) {
  if (field.slot == nullptr || field.need == Need::required) {
    return "";
  }
  if (!field.follows.empty()) {
    return std::string(field.follows);
  }
  DefaultTarget defaults;
  return value_text(field, field.slot(defaults.parts()));
}

std::string range_text(const Field& field) {
  switch (field.kind) {
    case FieldKind::count:
    case FieldKind::size:
    case FieldKind::duration:
    case FieldKind::percentage:
    case FieldKind::mode:
      return fmt::format("{}..{}", number_text(field, field.range.min),
                         number_text(field, field.range.max));
    case FieldKind::duration_or_auto:
      return fmt::format("auto or {}..{}", number_text(field, field.range.min),
                         number_text(field, field.range.max));
    case FieldKind::workers:
      return fmt::format("auto or {}..{}", field.range.min, field.range.max);
    case FieldKind::choice:
      return alternatives(choices_of(field));
    case FieldKind::path:
      return "stdout or a path";
    case FieldKind::address:
      return "ip:port or unix:/path";
    case FieldKind::address_or_off:
      return "ip:port, unix:/path or off";
    case FieldKind::networks:
      return "list of networks";
    case FieldKind::addresses:
      return "list of IP addresses";
    case FieldKind::ports:
      return "auto or FIRST-LAST";
    case FieldKind::servers:
      return "list of host:port or unix:/path";
    case FieldKind::host:
      return "preserve, server or a name";
    case FieldKind::upstream:
      return "a name in upstreams";
    case FieldKind::route_host:
      return "a host or *.suffix";
    case FieldKind::route_path:
      return "a path";
    case FieldKind::names:
      return "map of names";
    case FieldKind::maps:
      return "list of maps";
    case FieldKind::map:
      break;
  }
  return "map";
}

std::string alternatives(std::span<const std::string_view> words) {
  std::string text;
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::string_view before = i == 0 ? "" : i + 1 == words.size() ? " or " : ", ";
    text += before;
    text += words[i];
  }
  return text;
}

}  // namespace holdfast
