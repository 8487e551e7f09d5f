#include "ports/kernel_settings.h"

#include <algorithm>
#include <charconv>
#include <string>

#include "ports/proc_file.h"

namespace holdfast {
namespace {

constexpr std::string_view blanks = " \t\n";

// Takes the next word off the front of `text`; empty at its end.
std::string_view take_word(std::string_view& text) {
  text.remove_prefix(std::min(text.find_first_not_of(blanks), text.size()));
  const std::string_view word = text.substr(0, text.find_first_of(blanks));
  text.remove_prefix(word.size());
  return word;
}

std::string_view take_line(std::string_view& text) {
  const std::string_view line = text.substr(0, text.find('\n'));
  text.remove_prefix(std::min(line.size() + 1, text.size()));
  return line;
}

std::optional<std::uint64_t> number_in(std::string_view word) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), number);
  return error == std::errc() ? std::optional(number) : std::nullopt;
}

std::optional<std::uint64_t> read_number(const char* path) {
  const Result<std::string> text = read_proc_file(path);
  if (!text) {
    return std::nullopt;
  }
  std::string_view rest = *text;
  return number_in(take_word(rest));
}

}  // namespace

KernelSettings read_kernel_settings() {
  KernelSettings settings;
  if (const auto range = read_proc_file("/proc/sys/net/ipv4/ip_local_port_range")) {
    std::string_view rest = *range;
    settings.first_port = number_in(take_word(rest));
    settings.last_port = number_in(take_word(rest));
  }
  settings.tw_reuse = read_number("/proc/sys/net/ipv4/tcp_tw_reuse");
  settings.timestamps = read_number("/proc/sys/net/ipv4/tcp_timestamps");
  settings.max_tw_buckets = read_number("/proc/sys/net/ipv4/tcp_max_tw_buckets");
  settings.fin_timeout = read_number("/proc/sys/net/ipv4/tcp_fin_timeout");
  settings.tw_recycle = read_number("/proc/sys/net/ipv4/tcp_tw_recycle");
  settings.tw_timeout = read_number("/proc/sys/net/ipv4/tcp_tw_timeout");
  settings.somaxconn = read_number("/proc/sys/net/core/somaxconn");
  settings.conntrack_max = read_number("/proc/sys/net/netfilter/nf_conntrack_max");
  settings.conntrack_count = read_number("/proc/sys/net/netfilter/nf_conntrack_count");
  return settings;
}

KernelCounters read_kernel_counters() {
  const Result<std::string> netstat = read_proc_file("/proc/net/netstat");
  if (!netstat) {
    return {};
  }
  return {.time_wait_overflow = find_counter(*netstat, "TcpExt:", "TCPTimeWaitOverflow"),
          .listen_overflows = find_counter(*netstat, "TcpExt:", "ListenOverflows")};
}

std::optional<std::uint64_t> find_counter(std::string_view netstat, std::string_view group,
                                          std::string_view name) {
  while (!netstat.empty()) {
    std::string_view names = take_line(netstat);
    std::string_view numbers = take_line(netstat);
    if (take_word(names) != group || take_word(numbers) != group) {
      continue;
    }
    while (!names.empty()) {
      const std::string_view number = take_word(numbers);
      if (take_word(names) == name) {
        return number_in(number);
      }
    }
  }
  return std::nullopt;
}

}  // namespace holdfast
