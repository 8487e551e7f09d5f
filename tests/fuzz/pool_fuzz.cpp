// The pool, the waiters and the permits against a model that is too simple to be wrong.
//
// Input: the limits, then operations of one byte and their arguments.

#include <algorithm>
#include <array>
#include <deque>
#include <list>
#include <optional>
#include <vector>

#include "fuzz/input.h"
#include "pool/permits.h"
#include "pool/pool.h"
#include "pool/waiters.h"

namespace holdfast {
namespace {

using fuzz::Input;

struct Connection : PoolMember {};
struct Waiter : WaiterMember {};

// What the model knows of a connection.
struct Known {
  PoolState state = PoolState::none;
  TimePoint idle_since{};
  TimePoint old_at{};
  std::uint64_t requests = 0;
};

// The same rules once more: vectors and loops instead of linked lists.
struct Model {
  PoolLimits limits;
  std::vector<Known> connections;
  std::deque<std::size_t> idle;  // newest first
  std::deque<std::pair<std::size_t, TimePoint>> waiting;

  std::size_t count(PoolState state) const {
    return static_cast<std::size_t>(
        std::count_if(connections.begin(), connections.end(),
                      [=](const Known& one) { return one.state == state; }));
  }
  void move(std::size_t index, PoolState to) {
    std::erase(idle, index);
    connections[index].state = to;
    if (to == PoolState::idle) {
      idle.push_front(index);
    }
  }
  Retirement on_return(std::size_t index, ReturnFacts facts, TimePoint now) const {
    const Known& one = connections[index];
    const bool spent = limits.max_requests != 0 && one.requests >= limits.max_requests;
    return facts.fault != Retirement::none  ? facts.fault
           : !facts.reusable                ? Retirement::closed_by_backend
           : spent                          ? Retirement::max_requests
           : now >= one.old_at              ? Retirement::max_age
           : idle.size() >= limits.max_idle ? Retirement::max_idle
                                            : Retirement::none;
  }
  Retirement while_idle(std::size_t index, TimePoint now) const {
    const Known& one = connections[index];
    const bool rested = limits.idle_timeout != 0s && now - one.idle_since >= limits.idle_timeout;
    return now >= one.old_at ? Retirement::max_age
           : rested          ? Retirement::idle_timeout
                             : Retirement::none;
  }
};

// Runs the operations on both and compares.
class Comparison {
 public:
  explicit Comparison(Input input)
      : input_(input), permits_(1 + static_cast<std::uint32_t>(input_.below(6))) {
    PoolLimits& limits = model_.limits;
    limits.max_connections = permits_.limit();
    limits.max_idle = static_cast<std::uint32_t>(input_.below(6));
    limits.max_requests = input_.below(5);
    limits.idle_timeout = Duration(1s) * static_cast<int>(input_.below(8));
    limits.max_age = Duration(1s) * static_cast<int>(input_.below(30));
    pool_.emplace_back(limits);
  }

  void run() {
    while (!input_.empty()) {
      step(input_.byte());
      compare();
    }
    while (waiters_.next() != nullptr) {
    }
    for (std::size_t i = 0; i < real_.size(); ++i) {
      if (model_.connections[i].state != PoolState::none) {
        pool().retire(real_[i]);
        forget(i);
      }
    }
    check(pool().size() == 0 && permits_.taken() == 0, "something is left");
  }

 private:
  Pool<Connection>& pool() { return pool_.front(); }

  void step(std::uint8_t operation) {
    switch (operation % 10) {
      case 0:
        return start();
      case 1:
        return connect();
      case 2:
        return lease();
      case 3:
      case 4:
        return give_back();
      case 5:
        return retire();
      case 6:
        now_ += Duration(250ms) * static_cast<int>(input_.byte());
        return;
      case 7:
        return join();
      case 8:
        return leave();
      default:
        return close();
    }
  }

  void start() {
    const bool allowed = permits_.take();
    const std::size_t open = model_.connections.size() - model_.count(PoolState::none);
    check(allowed == (open < permits_.limit()), "another number of permits");
    if (!allowed) {
      return;
    }
    std::size_t index = 0;
    while (index < real_.size() && model_.connections[index].state != PoolState::none) {
      ++index;
    }
    if (index == real_.size()) {
      real_.emplace_back();
      model_.connections.emplace_back();
    }
    model_.connections[index] = {};
    model_.move(index, PoolState::connecting);
    pool().start(real_[index]);
  }

  // Some connection in this state, or none.
  std::optional<std::size_t> pick(PoolState state) {
    const std::size_t many = model_.count(state);
    std::size_t left = many == 0 ? 0 : input_.below(many);
    for (std::size_t i = 0; i < model_.connections.size(); ++i) {
      if (model_.connections[i].state == state && left-- == 0) {
        return i;
      }
    }
    return std::nullopt;
  }

  void connect() {
    if (const auto index = pick(PoolState::connecting)) {
      const std::uint64_t random = input_.byte() * 257U;
      pool().connected(real_[*index], now_, random);
      Known& one = model_.connections[*index];
      one.idle_since = now_;
      one.old_at = pool_age(random);
      model_.move(*index, PoolState::idle);
    }
  }

  // max_age, a tenth more or less.
  TimePoint pool_age(std::uint64_t random) const {
    const Duration age = model_.limits.max_age;
    return age == 0s
               ? TimePoint::max()
               : now_ + age + (static_cast<std::int64_t>(random % 2001) - 1000) * (age / 10'000);
  }

  void lease() {
    Connection* leased = pool().lease();
    check((leased == nullptr) == model_.idle.empty(), "a lease of nothing");
    if (leased != nullptr) {
      const std::size_t index = model_.idle.front();
      check(leased == &real_[index], "not the one that was returned last");
      ++model_.connections[index].requests;
      model_.move(index, PoolState::leased);
    }
  }

  void give_back() {
    const auto index = pick(PoolState::leased);
    if (!index) {
      return;
    }
    const std::uint8_t how = input_.byte();
    const ReturnFacts facts{.fault = (how & 3) == 3
                                         ? static_cast<Retirement>((how >> 2) % retirement_count)
                                         : Retirement::none,
                            .reusable = (how & 3) != 2};
    const Retirement expected = model_.on_return(*index, facts, now_);
    check(pool().give_back(real_[*index], facts, now_) == expected, "another reason");
    model_.connections[*index].idle_since = now_;
    model_.move(*index, expected == Retirement::none ? PoolState::idle : PoolState::leaving);
  }

  void retire() {
    const auto state = static_cast<PoolState>(1 + input_.below(4));
    if (const auto index = pick(state)) {
      pool().retire(real_[*index]);
      model_.move(*index, PoolState::leaving);
    }
  }

  void close() {
    if (const auto index = pick(PoolState::leaving)) {
      forget(*index);
    }
  }
  void forget(std::size_t index) {
    pool().forget(real_[index]);
    permits_.give_back();
    model_.move(index, PoolState::none);
  }

  // All wait equally long, as they do for an endpoint.
  void join() {
    const std::size_t index = input_.below(waiter_.size());
    if (!waiter_[index].waiting()) {
      waiters_.join(waiter_[index], now_ + 5s);
      model_.waiting.emplace_back(index, now_ + 5s);
    }
  }

  void leave() {
    const std::uint8_t how = input_.byte();
    Waiter* gone = nullptr;
    std::size_t place = 0;
    if (how % 3 == 0) {
      gone = waiters_.next();
    } else if (how % 3 == 1) {
      gone = waiters_.expired(now_);
      const bool due = !model_.waiting.empty() && model_.waiting.front().second <= now_;
      check((gone != nullptr) == due, "a waiter gives up too early or too late");
    } else if (!model_.waiting.empty()) {
      place = how % model_.waiting.size();
      gone = &waiter_[model_.waiting[place].first];
      waiters_.leave(*gone);
    }
    check(how % 3 != 0 || (gone == nullptr) == model_.waiting.empty(), "nobody is next");
    if (gone != nullptr) {
      check(gone == &waiter_[model_.waiting[place].first], "not the one whose turn it was");
      model_.waiting.erase(model_.waiting.begin() + static_cast<std::ptrdiff_t>(place));
    }
  }

  void compare() {
    const Pool<Connection>& seen = pool();
    check(seen.connecting() == model_.count(PoolState::connecting), "connecting");
    check(seen.leased() == model_.count(PoolState::leased), "leased");
    check(seen.idle() == model_.idle.size(), "idle");
    check(seen.leaving() == model_.count(PoolState::leaving), "leaving");
    check(seen.size() == permits_.taken(), "a permit without a connection");
    check((seen.any_connecting() == nullptr) == (seen.connecting() == 0), "any_connecting");
    const auto real = [this](std::size_t index) { return &real_[index]; };
    check(seen.newest_idle() == (model_.idle.empty() ? nullptr : real(model_.idle.front())),
          "newest");
    check(seen.oldest_idle() == (model_.idle.empty() ? nullptr : real(model_.idle.back())),
          "oldest");
    for (const std::size_t index : model_.idle) {
      const Retirement verdict = seen.judge_idle(real_[index], now_);
      check(verdict == model_.while_idle(index, now_), "another reason while idle");
      // The deadline is the moment from which on the verdict is against it.
      const TimePoint deadline = seen.idle_deadline(real_[index]);
      check((deadline <= now_) == (verdict != Retirement::none), "another deadline");
    }
    check(waiters_.size() == model_.waiting.size(), "another number of waiters");
    check(waiters_.first_deadline() ==
              (model_.waiting.empty() ? TimePoint::max() : model_.waiting.front().second),
          "another deadline of the first");
  }

  Input input_;
  Permits permits_;
  Model model_;
  std::list<Pool<Connection>> pool_;  // It neither copies nor moves, and its limits come first.
  std::deque<Connection> real_;
  std::array<Waiter, 5> waiter_;
  Waiters<Waiter> waiters_;
  TimePoint now_ = TimePoint(1h);
};

}  // namespace
}  // namespace holdfast

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  holdfast::Comparison(holdfast::fuzz::Input(bytes, size)).run();
  return 0;
}
