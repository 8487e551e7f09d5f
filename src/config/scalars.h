#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <tl/expected.hpp>

#include "base/time.h"
#include "net/address.h"

namespace holdfast {

// Why a value is refused, and what to write instead. The hint may be empty.
struct Complaint {
  std::string problem;
  std::string hint;
};

template <class T>
using Reading = tl::expected<T, Complaint>;

[[nodiscard]] constexpr bool is_digit(char byte) { return byte >= '0' && byte <= '9'; }

// A whole number without sign or unit.
[[nodiscard]] Reading<std::uint64_t> read_count(std::string_view text);

// "250ms", "5s", "2m", "1h", or several from large to small: "1m30s". "0" needs no unit.
[[nodiscard]] Reading<Duration> read_duration(std::string_view text);

// "512b", "16k", "1m", "1g", or "16KiB", "1MiB", "1GiB": powers of 1024. "0" needs no unit.
[[nodiscard]] Reading<std::uint64_t> read_size(std::string_view text);

// "0660" or "660": octal digits, as chmod takes them.
[[nodiscard]] Reading<std::uint64_t> read_mode(std::string_view text);

// "10%": a whole number of hundredths. "0" needs no unit.
[[nodiscard]] Reading<std::uint64_t> read_percentage(std::string_view text);

// An address to listen on: an IP address and a port, or a Unix socket. With port 0 the kernel
// chooses one.
[[nodiscard]] Reading<SocketAddress> read_listen_address(std::string_view text);

// "host:port", the host being a name, an IPv4 address or an IPv6 address in brackets; or
// "unix:/path" or "unix:@name". Checks the
// form only; resolves nothing. Returns the text.
[[nodiscard]] Reading<std::string> read_server(std::string_view text);

// A value of a Host field: a name or an address, with or without a port.
[[nodiscard]] Reading<std::string> read_host_name(std::string_view text);

// The shortest exact text that reads back as the value.
[[nodiscard]] std::string duration_text(Duration duration);
[[nodiscard]] std::string size_text(std::uint64_t bytes);

}  // namespace holdfast
