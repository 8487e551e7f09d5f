#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/time.h"
#include "base/timer_wheel.h"
#include "net/resolver.h"
#include "proxy/shared_upstream.h"

namespace holdfast {

// Looks up the servers that are given as names, at the start and again and again, and changes the
// upstreams' rosters accordingly. Lives on one loop's thread.
//
// The last good answer of a name holds until there is another one: a lookup that fails changes
// nothing but what is known of the name. While one fails it is repeated with growing pauses.
class Names final {
 public:
  struct Place {
    const Clock& clock;
    TimerWheel& timers;
    Resolver& resolver;
    std::uint64_t seed = 1;           // for jitter
    std::function<void()> on_change;  // the workers have to follow the rosters
  };
  explicit Names(Place place);
  Names(const Names&) = delete;
  Names& operator=(const Names&) = delete;
  ~Names();

  // The servers of one upstream: literal addresses are there at once, names when start() has been
  // called and they are answered. An error is the text of what is wrong with a server.
  [[nodiscard]] std::optional<std::string> add(const UpstreamOptions& options,
                                               SharedUpstream& upstream);

  // Begins to look up.
  void start();

 private:
  class Name;
  struct Group;
  // Looks after removed addresses.
  class Sweeper final : public Timer {
   public:
    explicit Sweeper(Names& names) : names_(names) {}
    void on_deadline(TimePoint now) override { names_.sweep(now); }

   private:
    Names& names_;
  };
  static constexpr Duration sweep_interval = 500ms;

  void gather(Group& group);
  void look_for_lack(Group& group);
  void sweep(TimePoint now);
  [[nodiscard]] Duration jitter(Duration around);

  Place place_;
  std::vector<std::unique_ptr<Group>> groups_;
  Sweeper sweeper_{*this};
  std::uint64_t random_state_;
};

}  // namespace holdfast
