#include "ports/socket_table.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <string>

#include "ports/proc_file.h"

namespace holdfast {
namespace {

constexpr std::size_t word_digits = 8;

template <class Number>
bool parse_hex(std::string_view text, Number& number) {
  const auto [end, error] = std::from_chars(text.begin(), text.end(), number, 16);
  return error == std::errc() && end == text.end();
}

// Takes the next word off a row whose columns are parted by blanks; empty at its end.
std::string_view take_column(std::string_view& row) {
  row.remove_prefix(std::min(row.find_first_not_of(' '), row.size()));
  const std::string_view column = row.substr(0, row.find(' '));
  row.remove_prefix(column.size());
  return column;
}

// The kernel prints an address as 32-bit words in the byte order of the machine, though the bytes
// in memory are in network order: copying each word back restores them on any machine.
std::optional<SocketEnd> parse_end(std::string_view text) {
  const std::size_t colon = text.find(':');
  if (colon != word_digits && colon != 4 * word_digits) {
    return std::nullopt;
  }
  SocketEnd end;
  const bool v4 = colon == word_digits;
  if (v4) {
    std::copy(mapped_prefix.begin(), mapped_prefix.end(), end.address.begin());
  }
  std::size_t at = v4 ? mapped_prefix.size() : 0;
  for (std::size_t digit = 0; digit < colon; digit += word_digits, at += 4) {
    std::uint32_t word = 0;
    if (!parse_hex(text.substr(digit, word_digits), word)) {
      return std::nullopt;
    }
    std::memcpy(&end.address[at], &word, sizeof word);
  }
  if (!parse_hex(text.substr(colon + 1), end.port)) {
    return std::nullopt;
  }
  return end;
}

}  // namespace

SocketEnd SocketEnd::of(const sockaddr& from) {
  SocketEnd end;
  if (from.sa_family == AF_INET6) {
    sockaddr_in6 v6{};
    std::memcpy(&v6, &from, sizeof v6);
    std::memcpy(&end.address, &v6.sin6_addr, sizeof v6.sin6_addr);
    end.port = ntohs(v6.sin6_port);
  } else {
    sockaddr_in v4{};
    std::memcpy(&v4, &from, sizeof v4);
    std::copy(mapped_prefix.begin(), mapped_prefix.end(), end.address.begin());
    std::memcpy(&end.address[mapped_prefix.size()], &v4.sin_addr, sizeof v4.sin_addr);
    end.port = ntohs(v4.sin_port);
  }
  return end;
}

std::optional<SocketEntry> parse_socket_entry(std::string_view line) {
  const std::string_view number = take_column(line);
  if (!number.ends_with(':')) {
    return std::nullopt;
  }
  const std::optional<SocketEnd> local = parse_end(take_column(line));
  const std::optional<SocketEnd> remote = parse_end(take_column(line));
  std::uint8_t state = 0;
  if (!local || !remote || !parse_hex(take_column(line), state) || state == 0 ||
      state >= socket_state_count) {
    return std::nullopt;
  }
  return SocketEntry{*local, *remote, static_cast<SocketState>(state)};
}

void count_destination(std::string_view table, const SocketEnd& destination, DestinationUse& use) {
  while (!table.empty()) {
    const std::string_view line = table.substr(0, table.find('\n'));
    table.remove_prefix(std::min(line.size() + 1, table.size()));
    const std::optional<SocketEntry> entry = parse_socket_entry(line);
    if (!entry) {
      continue;
    }
    if (entry->remote == destination) {
      use.towards.add(entry->state);
      use.callers.set(entry->local.port);
    } else if (entry->local == destination) {
      use.at.add(entry->state);
      // A listening socket has no caller; its remote port is 0.
      use.callers.set(entry->remote.port, entry->remote.port != 0);
    }
  }
}

Result<DestinationUse> read_destination_use(const SocketEnd& destination) {
  const Result<std::string> v4 = read_proc_file("/proc/net/tcp");
  if (!v4) {
    return unexpected(v4.error());
  }
  DestinationUse use;
  count_destination(*v4, destination, use);
  const Result<std::string> v6 = read_proc_file("/proc/net/tcp6");
  // A kernel without IPv6 has no second table, and then nothing is missed.
  if (v6) {
    count_destination(*v6, destination, use);
  } else if (v6.error().system != ENOENT) {
    return unexpected(v6.error());
  }
  return use;
}

}  // namespace holdfast
