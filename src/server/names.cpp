#include "server/names.h"

#include <algorithm>

#include "base/log.h"
#include "base/memory.h"

namespace holdfast {
namespace {

// After a lookup that failed: the first pause, and by how much each next one is longer.
constexpr Duration first_retry = 1s;
constexpr int retry_growth_percent = 125;

std::string list_of(const std::vector<SocketAddress>& addresses) {
  constexpr std::size_t most = 8;
  std::string text;
  for (std::size_t i = 0; i < std::min(addresses.size(), most); ++i) {
    text += (i == 0 ? "" : ", ") + addresses[i].text();
  }
  return addresses.size() > most ? fmt::format("{} and {} more", text, addresses.size() - most)
                                 : text;
}

double in_seconds(Duration duration) { return std::chrono::duration<double>(duration).count(); }

}  // namespace

// One server of one upstream that is given as a name.
class Names::Name final : public Asker, public Timer {
 public:
  Name(Names& names, Group& group, std::string server, Question question)
      : names_(names), group_(group), question_(std::move(question)) {
    state_.server = std::move(server);
  }

  void ask();
  [[nodiscard]] const std::vector<SocketAddress>& addresses() const { return state_.addresses; }
  // It has failed and was never answered.
  [[nodiscard]] bool hopeless() const { return failures_ != 0 && state_.addresses.empty(); }
  [[nodiscard]] ErrorCode failure() const {
    return timed_out_ ? ErrorCode::name_unanswered : ErrorCode::name_unresolved;
  }

 private:
  void on_answer(std::uint64_t ticket, Answer answer) override;
  void on_deadline(TimePoint now) override;
  void succeed(std::vector<SocketAddress> addresses);
  void fail(std::string error);
  void tell_of_failure(Duration pause) const;
  void ask_again_at(TimePoint time);
  void publish();

  Names& names_;
  Group& group_;
  const Question question_;
  NameState state_;
  std::uint64_t ticket_ = 0;    // of the lookup under way; 0 = none is
  std::uint32_t failures_ = 0;  // in a row
  Duration pause_{};            // after the last failure
  bool timed_out_ = false;      // the last failure was that no answer came

  friend struct Group;
};

// One upstream.
struct Names::Group {
  const UpstreamOptions& options;
  SharedUpstream& upstream;
  std::vector<std::string> servers;
  // In the order of the servers: an address as it is written, or a name.
  struct Server {
    std::optional<SocketAddress> address;
    std::unique_ptr<Name> name;
  };
  std::vector<Server> members;
  bool was_cut = false;  // the log knows
};

// --- A name ---

// A lookup that is over its time is given up, and may come to its end unheard.
void Names::Name::ask() {
  state_.asked_at = names_.place_.clock.now();
  if (state_.next_at == TimePoint{}) {
    publish();  // so that it is known of from the start
  }
  const auto ticket = names_.place_.resolver.ask(question_, *this);
  if (!ticket) {
    fail("too many lookups are under way");
    return;
  }
  ticket_ = *ticket;
  names_.place_.timers.arm(*this, state_.asked_at + group_.options.resolve.timeout);
}

void Names::Name::on_deadline(TimePoint) {
  if (ticket_ == 0) {
    ask();
    return;
  }
  ticket_ = 0;
  timed_out_ = true;
  fail(fmt::format("no answer within {:g} s", in_seconds(group_.options.resolve.timeout)));
}

void Names::Name::on_answer(std::uint64_t ticket, Answer answer) {
  if (ticket != ticket_) {
    return;
  }
  ticket_ = 0;
  timed_out_ = false;
  if (answer.addresses.empty()) {
    fail(answer.error.empty() ? "the answer has no address" : std::move(answer.error));
  } else {
    succeed(std::move(answer.addresses));
  }
}

// Resolvers give the addresses in another order each time, so they are compared as a set.
void Names::Name::succeed(std::vector<SocketAddress> addresses) {
  std::sort(addresses.begin(), addresses.end());
  const bool recovered = failures_ != 0;
  const bool changed = addresses != state_.addresses;
  if (changed || recovered) {
    log::info("upstream {}: the name '{}' {} {}{}{}", group_.options.name, question_.host,
              recovered                  ? "can be resolved again:"
              : state_.addresses.empty() ? "is"
                                         : "is now",
              list_of(addresses), changed && !state_.addresses.empty() ? ", before: " : "",
              changed ? list_of(state_.addresses) : "");
  }
  failures_ = 0;
  pause_ = {};
  state_.error.clear();
  state_.answered_at = names_.place_.clock.now();
  if (changed) {
    state_.addresses = std::move(addresses);
  }
  names_.gather(group_);  // also if nothing has changed: a time without memory may lie behind us
  ask_again_at(state_.answered_at + names_.jitter(group_.options.resolve.interval));
}

void Names::Name::fail(std::string error) {
  const Duration interval = group_.options.resolve.interval;
  pause_ = pause_ == Duration::zero() ? std::min(first_retry, interval)
                                      : std::min(pause_ * retry_growth_percent / 100, interval);
  const bool news = failures_ == 0 || error != state_.error;
  state_.failed_at = names_.place_.clock.now();
  state_.failing_since = failures_ == 0 ? state_.failed_at : state_.failing_since;
  state_.failure = failure();
  failures_ = std::min(failures_ + 1, 1'000'000U);
  state_.error = std::move(error);
  if (news) {
    tell_of_failure(pause_);
  }
  names_.look_for_lack(group_);
  ask_again_at(state_.failed_at + names_.jitter(pause_));
}

void Names::Name::ask_again_at(TimePoint time) {
  state_.next_at = time;
  publish();
  names_.place_.timers.arm(*this, time);
}

void Names::Name::tell_of_failure(Duration pause) const {
  if (!state_.addresses.empty()) {
    log::warn(
        "upstream {}: the name '{}' cannot be resolved now: {}. Its last answer is kept: {}. Next "
        "try in {:g} s",
        group_.options.name, question_.host, state_.error, list_of(state_.addresses),
        in_seconds(pause));
    return;
  }
  const bool alone = group_.upstream.roster().members.empty();
  log::warn(
      "upstream {}: the name '{}' cannot be resolved: {}. {}. Check the name and this machine's "
      "DNS "
      "(getent hosts {}). Next try in {:g} s",
      group_.options.name, question_.host, state_.error,
      alone ? fmt::format("Until it can, requests for {} get a {} ({})", group_.options.name,
                          error_row(failure()).status, error_row(failure()).name)
            : "The upstream's other servers serve meanwhile",
      question_.host, in_seconds(pause));
}

void Names::Name::publish() {
  state_.failures = failures_;
  static_cast<void>(has_memory_for([this] { group_.upstream.set_name(state_); }));  // only shown
}

// --- All of them ---

Names::Names(Place place) : place_(std::move(place)), random_state_(place_.seed | 1) {}

Names::~Names() {
  place_.timers.disarm(sweeper_);
  for (const auto& group : groups_) {
    for (const auto& server : group->members) {
      if (server.name) {
        place_.timers.disarm(*server.name);
      }
    }
  }
}

std::optional<std::string> Names::add(const UpstreamOptions& options, SharedUpstream& upstream) {
  Group& group = *groups_.emplace_back(std::make_unique<Group>(options, upstream));
  for (const std::string& server : options.servers) {
    if (const auto address = SocketAddress::parse(server)) {
      group.members.push_back({*address, nullptr});
      continue;
    }
    auto question = parse_question(server);
    if (!question) {
      return fmt::format("the server '{}' is not of the form host:port", server);
    }
    question->family = options.resolve.family;
    group.members.push_back(
        {std::nullopt, std::make_unique<Name>(*this, group, server, *std::move(question))});
  }
  gather(group);
  return std::nullopt;
}

void Names::start() {
  for (const auto& group : groups_) {
    for (const auto& server : group->members) {
      if (server.name) {
        server.name->ask();
      }
    }
  }
}

// Puts together what all servers of an upstream stand for. Whoever stood first stands first, so a
// change at one name does not move the others.
void Names::gather(Group& group) {
  std::vector<SocketAddress> all;
  std::size_t found = 0;
  const auto take = [&](const SocketAddress& address) {
    if (std::find(all.begin(), all.end(), address) == all.end()) {
      ++found;
      if (all.size() < SharedUpstream::max_endpoints) {
        all.push_back(address);
      }
    }
  };
  const bool has_memory = has_memory_for([&] {
    for (const auto& server : group.members) {
      if (server.address) {
        take(*server.address);
      } else {
        std::for_each(server.name->addresses().begin(), server.name->addresses().end(), take);
      }
    }
    if (!all.empty()) {
      group.upstream.replace(all);
    }
  });
  if (!has_memory || all.empty()) {
    return;
  }
  const bool is_cut = found > all.size();
  if (is_cut && !group.was_cut) {
    log::warn("upstream {}: its names have {} addresses; only the first {} are used",
              group.options.name, found, all.size());
  }
  group.was_cut = is_cut;
  place_.on_change();
  if (!sweeper_.armed() && group.upstream.anything_leaving()) {
    place_.timers.arm(sweeper_, place_.clock.now() + sweep_interval);
  }
}

// Once no name of an upstream without addresses can be hoped for, those who wait are told.
void Names::look_for_lack(Group& group) {
  const Name* hopeless = nullptr;
  for (const auto& server : group.members) {
    if (server.address || !server.name->hopeless()) {
      return;
    }
    hopeless = server.name.get();
  }
  if (hopeless != nullptr) {
    group.upstream.set_lack(make_error(hopeless->failure()));
    place_.on_change();
  }
}

// The workers are asked to look again each time: one that had no memory for a change makes up for
// it.
void Names::sweep(TimePoint now) {
  bool more = false;
  bool change = false;
  for (const auto& group : groups_) {
    change |= group->upstream.sweep();
    more |= group->upstream.anything_leaving();
  }
  if (change || more) {
    place_.on_change();
  }
  place_.timers.arm(sweeper_, more ? now + sweep_interval : TimePoint::max());
}

// A tenth more or less, so that many proxies do not ask at the same time.
Duration Names::jitter(Duration around) {
  random_state_ ^= random_state_ << 13;
  random_state_ ^= random_state_ >> 7;
  random_state_ ^= random_state_ << 17;
  return around * 9 / 10 + around / 5 * static_cast<std::int64_t>(random_state_ % 1000) / 1000;
}

}  // namespace holdfast
