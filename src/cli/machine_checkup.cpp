#include "cli/machine_checkup.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <sys/resource.h>

#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include "cli/wording.h"
#include "net/listener.h"

namespace holdfast {
namespace {

constexpr std::size_t most_shown = 5;  // destinations
constexpr std::size_t few_ports = 10'000;
constexpr std::size_t too_few_ports = 1'000;
constexpr std::uint64_t few_descriptors = 4'096;

// How full something is, and how bad that is.
Verdict judge_use(std::uint64_t used, std::uint64_t of) {
  const std::uint64_t percent = of == 0 ? 100 : used * 100 / of;
  return percent >= 85 ? Verdict::sick : percent >= 50 ? Verdict::warning : Verdict::healthy;
}

bool is_loopback(const SocketEnd& end) {
  constexpr std::array<std::uint8_t, 16> v6{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
  constexpr std::array<std::uint8_t, 13> v4{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 127};
  return end.address == v6 || std::equal(v4.begin(), v4.end(), end.address.begin());
}

Finding judge_range(const MachineFacts& facts) {
  Finding finding{.check = "local_ports"};
  if (!facts.range) {
    finding.what = "The range of local ports cannot be read (/proc/sys/net/ipv4).";
    return finding;
  }
  const std::size_t ports = facts.range->size();
  const std::uint64_t first = facts.settings.first_port.value_or(0);
  const std::uint64_t last = facts.settings.last_port.value_or(0);
  finding.verdict = ports < too_few_ports ? Verdict::sick
                    : ports < few_ports   ? Verdict::warning
                                          : Verdict::healthy;
  finding.what = fmt::format("{} local ports for each destination ({} to {}, {} of them reserved).",
                             ports, first, last, last - first + 1 - ports);
  finding.advice = fmt::format(
      "Enough for {} new connections a second to one destination, no more: whoever closes first "
      "keeps the port for {} s. ",
      facts.short_connections_per_second(), facts.time_wait_seconds());
  finding.advice += finding.verdict == Verdict::healthy
                        ? "More ports would only move that limit; connections that are used again "
                          "remove it."
                        : "Widen the range: sysctl -w net.ipv4.ip_local_port_range=\"10240 65535\"";
  return finding;
}

std::string line_of(const DestinationPorts& destination, const MachineFacts& facts) {
  const std::size_t percent =
      destination.all() * 100 / std::max<std::size_t>(1, facts.range->size());
  return fmt::format("{} from {}: {} TIME_WAIT and {} open: {} % of its ports{}",
                     end_text(destination.to), end_text(destination.from), destination.time_wait,
                     destination.open, percent == 0 ? "under 1" : std::to_string(percent),
                     facts.reuses_time_wait(destination) ? "; used again after 1 s" : "");
}

Finding judge_destinations(const MachineFacts& facts) {
  Finding finding{.verdict = Verdict::healthy, .check = "time_wait"};
  const PortCensus& census = *facts.census;
  for (const DestinationPorts& destination : census.destinations) {
    const std::size_t taken =
        facts.reuses_time_wait(destination) ? destination.open : destination.all();
    finding.verdict = std::max(finding.verdict, judge_use(taken, facts.range->size()));
    // Beside the first only those that take a part worth a line.
    const bool is_much = destination.all() * 100 >= facts.range->size();
    if (finding.details.empty() || (is_much && finding.details.size() < most_shown)) {
      finding.details.push_back(line_of(destination, facts));
    }
  }
  finding.what = census.destinations.empty()
                     ? std::string("No connection made from here is open or in TIME_WAIT.")
                     : fmt::format("{} TIME_WAIT of connections made from here; by destination:",
                                   census.time_wait_towards);
  if (finding.verdict == Verdict::healthy) {
    finding.advice = "No destination is short of ports.";
    return finding;
  }
  finding.advice =
      finding.verdict == Verdict::sick
          ? "Next to no port is left there: new connections fail with EADDRNOTAVAIL "
            "(errno 99). "
          : "More than half of the ports there are taken; without one a new connection "
            "fails with EADDRNOTAVAIL (errno 99). ";
  finding.advice +=
      "A program here opens a connection for each request and closes it first; send its requests "
      "through holdfast.";
  return finding;
}

Finding note_inbound(const PortCensus& census) {
  return {.verdict = Verdict::healthy,
          .check = "time_wait_inbound",
          .what = fmt::format("{} TIME_WAIT at ports that programs here listen on.",
                              census.time_wait_at),
          .advice = "They cost a little memory and no local port."};
}

Finding explain_reuse(const MachineFacts& facts) {
  Finding finding{.verdict = Verdict::healthy, .check = "tcp_tw_reuse"};
  const std::uint64_t value = *facts.settings.tw_reuse;
  if (value == 2) {
    finding.what =
        "tcp_tw_reuse = 2, the default: over loopback, and only there, a port in TIME_WAIT is used "
        "again after a second.";
    finding.advice =
        "Leave it. A test over loopback never runs out of ports because of it, and proves nothing "
        "for two machines.";
  } else if (value == 1) {
    finding.what =
        "tcp_tw_reuse = 1: a port in TIME_WAIT is used again after a second for a new connection "
        "from here, if both sides send TCP timestamps.";
    finding.advice =
        "It helps who calls, never who is called, and no socket that was bound to its port. "
        "Connections that are used again do not need it.";
    if (facts.settings.timestamps == 0) {
      finding.verdict = Verdict::warning;
      finding.advice = "tcp_timestamps = 0 keeps it from working; set that to 1.";
    }
  } else {
    finding.what = fmt::format(
        "tcp_tw_reuse = {}: no port in TIME_WAIT is used again before its {} s are over.", value,
        facts.time_wait_seconds());
    finding.advice = "Leave it: connections that are used again do not need it.";
  }
  return finding;
}

Finding judge_buckets(const MachineFacts& facts) {
  const std::uint64_t most = *facts.settings.max_tw_buckets;
  const std::uint64_t now =
      facts.census ? facts.census->time_wait_towards + facts.census->time_wait_at : 0;
  const std::uint64_t forgotten = facts.counters.time_wait_overflow.value_or(0);
  Finding finding{.verdict = judge_use(now, most), .check = "tcp_max_tw_buckets"};
  finding.what = fmt::format("{} of at most {} TIME_WAIT (tcp_max_tw_buckets); ", now, most);
  if (forgotten == 0) {
    finding.what += "the kernel has never had to forget one (TCPTimeWaitOverflow = 0).";
    finding.advice = finding.verdict == Verdict::healthy
                         ? "Leave it."
                         : "Beyond it the kernel forgets them at once. Open fewer connections.";
  } else {
    finding.verdict = std::max(finding.verdict, Verdict::warning);
    finding.what +=
        fmt::format("{} were forgotten for being too many (TCPTimeWaitOverflow).", forgotten);
    finding.advice =
        "A forgotten one may let a late packet of an old connection into a new one. Raise the "
        "limit, "
        "or better: open fewer connections. The counter starts anew only with the network.";
  }
  return finding;
}

std::string limit_text(std::uint64_t limit) {
  return limit == RLIM_INFINITY ? "unlimited" : std::to_string(limit);
}

Finding judge_descriptors(const MachineFacts& facts) {
  Finding finding{.verdict = Verdict::healthy, .check = "descriptors"};
  finding.what = fmt::format(
      "{} descriptors for a process started here (hard limit; the soft one, {}, is raised by "
      "holdfast itself).",
      limit_text(facts.hard_descriptors), limit_text(facts.soft_descriptors));
  finding.advice =
      "Each client and each backend connection takes one. A service has a limit of its "
      "own: LimitNOFILE= of systemd, --ulimit nofile= of Docker.";
  if (facts.hard_descriptors < few_descriptors) {
    finding.verdict = Verdict::warning;
    finding.advice += " Raise it to 65536.";
  }
  return finding;
}

Finding judge_backlog(const MachineFacts& facts) {
  const std::uint64_t most = *facts.settings.somaxconn;
  Finding finding{.verdict = Verdict::healthy, .check = "somaxconn"};
  finding.what = fmt::format(
      "{} connections may wait to be accepted at a port (somaxconn); holdfast asks for {}.", most,
      Listener::backlog);
  finding.advice = "Enough.";
  if (most < std::uint64_t{Listener::backlog}) {
    finding.verdict = Verdict::warning;
    finding.advice = fmt::format(
        "A burst of short clients may be dropped: sysctl -w net.core.somaxconn={}, then restart "
        "what listens.",
        Listener::backlog);
  }
  if (const std::uint64_t dropped = facts.counters.listen_overflows.value_or(0); dropped > 0) {
    finding.details.push_back(fmt::format(
        "{} connections were dropped so far: some program accepts too slowly (ListenOverflows)",
        dropped));
  }
  return finding;
}

Finding judge_conntrack(const KernelSettings& settings) {
  Finding finding{.verdict = judge_use(*settings.conntrack_count, *settings.conntrack_max),
                  .check = "conntrack"};
  finding.what = fmt::format("{} of at most {} connections tracked by the firewall (nf_conntrack).",
                             *settings.conntrack_count, *settings.conntrack_max);
  finding.advice = finding.verdict == Verdict::healthy
                       ? "Leave it."
                       : "A full table drops packets. Closed connections stay in it for two "
                         "minutes: open fewer, or raise net.netfilter.nf_conntrack_max.";
  return finding;
}

}  // namespace

bool MachineFacts::reuses_time_wait(const DestinationPorts& destination) const {
  const bool loopback = is_loopback(destination.to) || is_loopback(destination.from);
  return destination.time_wait > 0 && settings.timestamps != 0 &&
         (settings.tw_reuse == 1 || (settings.tw_reuse == 2 && loopback));
}

std::string end_text(const SocketEnd& end) {
  const bool v4 = end.is_v4();
  std::array<char, INET6_ADDRSTRLEN> text{};
  // It fails for a family it does not know only.
  static_cast<void>(inet_ntop(v4 ? AF_INET : AF_INET6, &end.address[v4 ? mapped_prefix.size() : 0],
                              text.data(), text.size()));
  if (end.port == 0) {
    return text.data();
  }
  return v4 ? fmt::format("{}:{}", text.data(), end.port)
            : fmt::format("[{}]:{}", text.data(), end.port);
}

MachineFacts read_machine() {
  MachineFacts facts;
  if (const auto range = EphemeralRange::read()) {
    facts.range = *range;
    if (auto census = read_port_census(*range)) {
      facts.census = std::move(*census);
    }
  }
  facts.settings = read_kernel_settings();
  facts.counters = read_kernel_counters();
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
    facts.soft_descriptors = limit.rlim_cur;
    facts.hard_descriptors = limit.rlim_max;
  }
  return facts;
}

Chapter judge_machine(const MachineFacts& facts) {
  Chapter chapter{.title = "This machine"};
  chapter.findings.push_back(judge_range(facts));
  if (facts.census) {
    chapter.findings.push_back(judge_destinations(facts));
    if (facts.census->time_wait_at > 0) {
      chapter.findings.push_back(note_inbound(*facts.census));
    }
  }
  if (facts.settings.tw_reuse) {
    chapter.findings.push_back(explain_reuse(facts));
  }
  if (facts.settings.max_tw_buckets) {
    chapter.findings.push_back(judge_buckets(facts));
  }
  chapter.findings.push_back(judge_descriptors(facts));
  if (facts.settings.somaxconn) {
    chapter.findings.push_back(judge_backlog(facts));
  }
  if (facts.settings.conntrack_max && facts.settings.conntrack_count) {
    chapter.findings.push_back(judge_conntrack(facts.settings));
  }
  return chapter;
}

Chapter not_worth_turning(const MachineFacts& facts) {
  Chapter chapter{.title = "Not worth turning"};
  const auto note = [&](const char* check, std::string what) {
    chapter.findings.push_back({.check = check, .what = std::move(what)});
  };
  note("tcp_fin_timeout",
       fmt::format(
           "tcp_fin_timeout{} bounds FIN_WAIT_2. It does not shorten TIME_WAIT: that is {} s "
           "and no mainline kernel lets you change it.",
           facts.settings.fin_timeout ? fmt::format(" ({})", *facts.settings.fin_timeout) : "",
           facts.time_wait_seconds()));
  if (facts.settings.tw_recycle.value_or(0) != 0) {
    chapter.findings.push_back(
        {.verdict = Verdict::sick,
         .check = "tcp_tw_recycle",
         .what =
             "tcp_tw_recycle is on: it drops connections of clients that share an address (NAT).",
         .advice = "Turn it off: sysctl -w net.ipv4.tcp_tw_recycle=0"});
  } else {
    note("tcp_tw_recycle",
         "tcp_tw_recycle broke clients that share an address (NAT) and is gone since Linux 4.12.");
  }
  note("tcp_tw_timeout", facts.settings.tw_timeout
                             ? fmt::format("tcp_tw_timeout ({}) exists in this vendor's kernel; "
                                           "mainline Linux does not have it.",
                                           *facts.settings.tw_timeout)
                             : "tcp_tw_timeout is not in mainline Linux, and not in this kernel.");
  note("lower_tcp_max_tw_buckets",
       "A low tcp_max_tw_buckets does away with TIME_WAIT, and with what it protects from: late "
       "packets of an old connection in a new one.");
  return chapter;
}

}  // namespace holdfast
