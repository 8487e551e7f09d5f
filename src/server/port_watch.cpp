#include "server/port_watch.h"

#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <system_error>
#include <utility>

#include "base/memory.h"
#include "ports/ephemeral_range.h"
#include "ports/kernel_settings.h"
#include "ports/socket_diag.h"
#include "ports/socket_table.h"

namespace holdfast {
namespace {

bool is_loopback(const SocketAddress& address) {
  if (address.is_v6()) {
    return IN6_IS_ADDR_LOOPBACK(&reinterpret_cast<const sockaddr_in6&>(address.raw()).sin6_addr);
  }
  const auto& v4 = reinterpret_cast<const sockaddr_in&>(address.raw());
  return (ntohl(v4.sin_addr.s_addr) >> 24) == IN_LOOPBACKNET;
}

// The address that the kernel gives to a connection to there: no packet is sent to find out.
std::optional<SocketAddress> usual_source(const SocketAddress& destination) {
  const int asking = ::socket(destination.raw().sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (asking < 0) {
    return std::nullopt;
  }
  sockaddr_storage found{};
  socklen_t size = sizeof found;
  auto& raw = reinterpret_cast<sockaddr&>(found);
  const bool known = ::connect(asking, &destination.raw(), destination.raw_bytes()) == 0 &&
                     ::getsockname(asking, &raw, &size) == 0;
  ::close(asking);
  return known ? std::optional(SocketAddress(raw)) : std::nullopt;
}

}  // namespace

PortWatch::PortWatch(Loop& loop, const std::vector<UpstreamOptions>& options,
                     const std::vector<std::unique_ptr<SharedUpstream>>& upstreams)
    : loop_(loop), options_(options), upstreams_(upstreams), limits_(options.size()) {
  on_deadline(loop.now());
}

PortWatch::~PortWatch() {
  loop_.timers().disarm(*this);
  if (thread_.joinable()) {
    thread_.join();
  }
}

// An administrator may change the range at any time.
void PortWatch::read_settings() {
  const auto range = EphemeralRange::read();
  for (std::size_t i = 0; i < options_.size(); ++i) {
    const PortRange& own = options_[i].source_ports;
    std::size_t ports = range ? range->size() : 0;
    if (range && !own.empty() && range->size_within(own.first, own.last) != 0) {
      ports = range->size_within(own.first, own.last);
    }
    limits_[i] = static_cast<std::uint32_t>(ports);
  }
  const std::uint64_t reuse = read_kernel_settings().tw_reuse.value_or(0);
  reuses_everywhere_ = reuse == 1;
  reuses_over_loopback_ = reuse == 2;
}

void PortWatch::on_deadline(TimePoint now) {
  loop_.timers().arm(*this, now + interval);
  const bool due = checked_at_ == TimePoint{} || now - checked_at_ >= check_interval;
  if (due && !has_memory_for([this] { read_settings(); })) {
    return;
  }
  std::vector<Inquiry> inquiries;
  if (has_memory_for([&] { inquiries = questions(now); }) && !inquiries.empty() && !asking_) {
    ask(std::move(inquiries));
  }
  checked_at_ = due ? now : checked_at_;
}

void PortWatch::tell_settings(const UpstreamOptions& options, SharedEndpoint& endpoint) const {
  const auto number = static_cast<std::size_t>(&options - options_.data());
  endpoint.ports.set_limit(limits_[number]);
  endpoint.ports.set_reuse(reuses_everywhere_ ||
                           (reuses_over_loopback_ && is_loopback(endpoint.address)));
}

std::vector<PortWatch::Inquiry> PortWatch::questions(TimePoint now) {
  const bool due = now - checked_at_ >= check_interval;
  std::vector<Inquiry> inquiries;
  for (std::size_t i = 0; i < upstreams_.size(); ++i) {
    for (const Member& member : upstreams_[i]->roster().members) {
      SharedEndpoint& endpoint = *member.endpoint;
      if (endpoint.address.is_unix()) {
        continue;
      }
      tell_settings(options_[i], endpoint);
      static_cast<void>(endpoint.judge_ports(now));  // for those who read it
      const bool is_doubted = !asking_ && endpoint.ports_doubted.exchange(false);
      if (is_doubted || (due && endpoint.ports.use(now).used() != 0)) {
        inquiries.push_back({.upstream = i,
                             .endpoint = endpoint.number,
                             .destination = endpoint.address,
                             .sources = endpoint.sources,
                             .ports = {}});
      }
    }
  }
  return inquiries;
}

// Runs on a thread of its own.
void PortWatch::ask(std::vector<Inquiry> inquiries) {
  inquiries_ = std::move(inquiries);
  if (thread_.joinable()) {
    thread_.join();  // it has told its answer, so it is at its end
  }
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);  // signals are for the others
  try {
    thread_ = std::thread([this] {
      for (Inquiry& inquiry : inquiries_) {
        inquiry.answered = has_memory_for([&] { look_up(inquiry); });
      }
      // Without a loop nobody listens.
      static_cast<void>(loop_.post([this] { on_answered(); }));
    });
    asking_ = true;
  } catch (const std::system_error&) {
    asking_ = false;  // no thread can be made now: the next time, then
  }
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

void PortWatch::look_up(Inquiry& inquiry) {
  std::vector<SocketAddress> sources = inquiry.sources;
  if (sources.empty()) {
    const auto usual = usual_source(inquiry.destination);
    if (!usual) {
      return;
    }
    sources.push_back(*usual);
  }
  const auto found = dump_sockets(SocketEnd::of(inquiry.destination.raw()));
  if (!found) {
    return;
  }
  inquiry.ports.assign(sources.size(), 0);
  for (const SocketEntry& socket : *found) {
    for (std::size_t i = 0; i < sources.size(); ++i) {
      const bool is_from = SocketEnd::of(sources[i].raw()).address == socket.local.address;
      inquiry.ports[i] += is_from ? 1 : 0;
    }
  }
}

void PortWatch::on_answered() {
  asking_ = false;
  const TimePoint now = loop_.now();
  for (const Inquiry& inquiry : inquiries_) {
    for (const Member& member : upstreams_[inquiry.upstream]->roster().members) {
      PortLedger& ports = member.endpoint->ports;
      if (member.endpoint->number != inquiry.endpoint || !inquiry.answered ||
          ports.sources() != inquiry.ports.size()) {
        continue;
      }
      for (std::size_t i = 0; i < inquiry.ports.size(); ++i) {
        ports.set_seen(i, inquiry.ports[i], now);
      }
      static_cast<void>(member.endpoint->judge_ports(now));  // for those who read it
    }
  }
}

}  // namespace holdfast
