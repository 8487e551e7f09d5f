#include "proxy/shared_upstream.h"

#include <algorithm>

namespace holdfast {
namespace {

// Of the source addresses those from which this server can be reached.
std::vector<SocketAddress> sources_for(const SocketAddress& server,
                                       const UpstreamOptions& options) {
  std::vector<SocketAddress> sources;
  for (const IpAddress& address : options.source_addresses) {
    const SocketAddress source = address.with_port(0);
    if (!server.is_unix() && source.is_v6() == server.is_v6()) {
      sources.push_back(source);
    }
  }
  return sources;
}

}  // namespace

// What may find no memory comes before the first change.
void SharedUpstream::replace(std::span<const SocketAddress> addresses) {
  addresses = addresses.first(std::min(addresses.size(), max_endpoints));
  Roster next{.members = roster_.members, .lack = std::nullopt};
  std::vector<std::unique_ptr<SharedEndpoint>> made;
  for (Member& member : next.members) {
    const bool stays =
        std::find(addresses.begin(), addresses.end(), member.endpoint->address) != addresses.end();
    member.departure = stays ? 0 : member.departure == 0 ? ++departures_ : member.departure;
  }
  for (const SocketAddress& address : addresses) {
    if (std::none_of(next.members.begin(), next.members.end(),
                     [&](const Member& known) { return known.endpoint->address == address; })) {
      made.push_back(std::make_unique<SharedEndpoint>(next_number_++, address,
                                                      options_.pool.max_connections, workers_,
                                                      sources_for(address, options_)));
      next.members.push_back({.endpoint = made.back().get()});
    }
  }
  endpoints_.reserve(endpoints_.size() + made.size());
  forgotten_.reserve(forgotten_.size() + endpoints_.size() + made.size());
  std::move(made.begin(), made.end(), std::back_inserter(endpoints_));
  leaving_ = static_cast<std::size_t>(
      std::count_if(next.members.begin(), next.members.end(),
                    [](const Member& member) { return member.departure != 0; }));
  const std::lock_guard lock(mutex_);
  std::swap(roster_, next);
}

void SharedUpstream::set_lack(Error why) {
  const std::lock_guard lock(mutex_);
  roster_.lack = why;
}

void SharedUpstream::set_name(const NameState& state) {
  const std::lock_guard lock(mutex_);
  const auto at = std::find_if(names_.begin(), names_.end(), [&](const NameState& known) {
    return known.server == state.server;
  });
  if (at == names_.end()) {
    names_.push_back(state);
  } else {
    *at = state;
  }
}

std::vector<NameState> SharedUpstream::names() const {
  const std::lock_guard lock(mutex_);
  return names_;
}

Roster SharedUpstream::roster() const {
  const std::lock_guard lock(mutex_);
  return roster_;
}

// A connection on its way from one worker to another is in neither, but it has a permit.
bool SharedUpstream::all_have_left(const Member& member) const {
  const SharedEndpoint& endpoint = *member.endpoint;
  for (unsigned worker = 0; worker < workers_; ++worker) {
    if (endpoint.left[worker].load(std::memory_order_acquire) != member.departure) {
      return false;
    }
  }
  return endpoint.permits.taken() == 0;
}

bool SharedUpstream::sweep() {
  std::erase_if(forgotten_, [](const auto& endpoint) {
    return endpoint->holders.load(std::memory_order_acquire) == 0;
  });
  const auto gone = [this](const Member& member) {
    return member.departure != 0 && all_have_left(member);
  };
  if (leaving_ == 0 || std::none_of(roster_.members.begin(), roster_.members.end(), gone)) {
    return false;
  }
  for (const Member& member : roster_.members) {
    if (gone(member)) {
      const auto at = std::find_if(endpoints_.begin(), endpoints_.end(), [&](const auto& owned) {
        return owned.get() == member.endpoint;
      });
      forgotten_.push_back(std::move(*at));
      endpoints_.erase(at);
      --leaving_;
    }
  }
  const std::lock_guard lock(mutex_);
  std::erase_if(roster_.members, [this](const Member& member) {
    return std::any_of(forgotten_.begin(), forgotten_.end(),
                       [&](const auto& owned) { return owned.get() == member.endpoint; });
  });
  return true;
}

}  // namespace holdfast
