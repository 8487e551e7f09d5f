#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>

#include "base/check.h"
#include "base/list.h"
#include "base/time.h"
#include "pool/limits.h"
#include "pool/retirement.h"

namespace holdfast {

enum class PoolState : std::uint8_t {
  none,
  connecting,
  leased,
  pinned,
  idle,
  resting,
  leaving,
};

struct PoolTag;

// What a connection brings to be in a pool: its place on a list and its history.
class PoolMember : public ListLink<PoolTag> {
 public:
  [[nodiscard]] PoolState pool_state() const { return state_; }
  [[nodiscard]] const UseHistory& use() const { return use_; }

 private:
  template <class Connection>
  friend class Pool;

  PoolState state_ = PoolState::none;
  UseHistory use_;
};

// The connections of one endpoint that may be used again, those in use, those that wait for one
// client only, those that only wait for the backend to close them, and those on their way in and
// out.
//
// The pool answers questions and never calls out: its owner acts on the answers, so no call can
// re-enter it. A connection's state is the list it is linked on, moved by one function. Owns
// nothing; one thread only; knows no clock, no socket and no protocol. Connection derives from
// PoolMember.
template <class Connection>
class Pool {
 public:
  explicit Pool(const PoolLimits& limits, LastRequest last = LastRequest::silent)
      : limits_(limits), last_(last), request_cap_(cap_of(0)) {}

  // What was learned of the backend: how long a connection may be idle, and how many requests it
  // may carry at most (0: any number). Holds for those that are here already, too.
  void limit_idle(Duration idle_timeout) { limits_.idle_timeout = idle_timeout; }
  void limit_requests(std::uint64_t learned) { request_cap_ = cap_of(learned); }

  // A connection attempt has begun.
  void start(Connection& connection) {
    connection.use_ = {};
    move(connection, PoolState::connecting);
  }

  // The attempt has succeeded: the connection is idle, and next in turn.
  void connected(Connection& connection, TimePoint now, std::uint64_t random) {
    check(connection.state_ == PoolState::connecting, "only an attempt can succeed");
    connection.use_.opened_at = now;
    connection.use_.old_at = jittered_age(now, limits_, random);
    if (last_ == LastRequest::announced) {
      connection.use_.last_at = last_request_at(now, connection.use_.old_at);
    }
    park(connection, now);
  }

  // Takes in a connection that another pool of the same endpoint has given up, history and all.
  // The backend has not noticed: it has been idle for as long there.
  void adopt(Connection& connection, const UseHistory& use) {
    connection.use_ = use;
    move(connection, PoolState::idle);
  }

  // The connection that was returned last, leased from now on, or null. Reusing the newest lets the
  // others grow old together and expire.
  [[nodiscard]] Connection* lease(TimePoint now = {}) {
    Connection* newest = idle_.front();
    if (newest != nullptr) {
      move(*newest, PoolState::leased);
      if (++newest->use_.requests >= request_cap_ || now >= newest->use_.last_at) {
        newest->use_.last_for = why_last(newest->use_);
      }
    }
    return newest;
  }

  // The leased connection's request is not its last one after all: it is tried whether the backend
  // still ends connections after so many.
  void try_beyond(Connection& connection) {
    check(connection.state_ == PoolState::leased, "only a leased connection has a last request");
    connection.use_.last_for = Retirement::none;
  }

  // An idle connection is not leased any more, but stays open for the backend to close it.
  void rest(Connection& connection) {
    check(connection.state_ == PoolState::idle, "only an idle connection can rest");
    move(connection, PoolState::resting);
  }

  // A resting connection may be leased after all; it has been idle since the same time.
  void wake(Connection& connection) {
    check(connection.state_ == PoolState::resting, "only a resting connection can be woken");
    move(connection, PoolState::idle);
  }

  // A lease ends: the connection becomes idle and `none` is the answer, or it is leaving for the
  // reason that is the answer.
  [[nodiscard]] Retirement give_back(Connection& connection, ReturnFacts facts, TimePoint now) {
    check(connection.state_ == PoolState::leased, "only a leased connection can be given back");
    const Retirement verdict = judge_return(connection.use_, facts, idle_.size(), limits_, now);
    if (verdict == Retirement::none) {
      park(connection, now);
    } else {
      move(connection, PoolState::leaving);
    }
    return verdict;
  }

  // A lease ends, but the connection is never anybody else's: it waits for its client and `none` is
  // the answer, or it is leaving for the reason that is the answer.
  [[nodiscard]] Retirement pin(Connection& connection, ReturnFacts facts, TimePoint now) {
    check(connection.state_ == PoolState::leased, "only a leased connection can be pinned");
    const Retirement verdict = judge_return(connection.use_, facts, 0, limits_, now);
    connection.use_.idle_since = now;
    move(connection, verdict == Retirement::none ? PoolState::pinned : PoolState::leaving);
    return verdict;
  }

  // The client of a pinned connection uses it again.
  void lease_pinned(Connection& connection) {
    check(connection.state_ == PoolState::pinned, "only a pinned connection waits for its client");
    move(connection, PoolState::leased);
    ++connection.use_.requests;
  }

  // Never use this connection again, whatever its state.
  void retire(Connection& connection) {
    if (connection.state_ != PoolState::leaving) {
      move(connection, PoolState::leaving);
    }
  }

  // The connection is closed.
  void forget(Connection& connection) {
    check(connection.state_ == PoolState::leaving, "only a retired connection can be forgotten");
    move(connection, PoolState::none);
  }

  [[nodiscard]] Retirement judge_idle(const Connection& connection, TimePoint now) const {
    return holdfast::judge_idle(connection.use_, limits_, now);
  }
  [[nodiscard]] TimePoint idle_deadline(const Connection& connection) const {
    return holdfast::idle_deadline(connection.use_, limits_);
  }

  [[nodiscard]] Connection* newest_idle() const { return idle_.front(); }
  [[nodiscard]] Connection* oldest_idle() const { return idle_.back(); }
  [[nodiscard]] Connection* newest_resting() const { return resting_.front(); }
  // The one that has rested longest.
  [[nodiscard]] Connection* oldest_resting() const { return resting_.back(); }
  [[nodiscard]] Connection* any_connecting() const { return connecting_.front(); }
  [[nodiscard]] Connection* oldest_connecting() const { return connecting_.back(); }

  // Calls visit(connection) for those leased and for those at rest, up to a bound of each; the
  // visitor changes nothing.
  template <class Visit>
  void look_over(std::size_t bound, Visit&& visit) const {
    for (const Members* members : {&leased_, &pinned_, &idle_, &resting_}) {
      std::size_t left = bound;
      for (Connection* at = members->front(); at != nullptr && left > 0; --left) {
        visit(*at);
        at = members->after(*at);
      }
    }
  }

  [[nodiscard]] std::size_t connecting() const { return connecting_.size(); }
  [[nodiscard]] std::size_t leased() const { return leased_.size(); }
  [[nodiscard]] std::size_t pinned() const { return pinned_.size(); }
  [[nodiscard]] std::size_t idle() const { return idle_.size(); }
  [[nodiscard]] std::size_t resting() const { return resting_.size(); }
  [[nodiscard]] std::size_t leaving() const { return leaving_.size(); }
  [[nodiscard]] std::size_t size() const {
    return connecting() + leased() + pinned() + idle() + resting() + leaving();
  }

 private:
  using Members = List<Connection, PoolTag>;

  // How many requests a connection carries before its last one is announced: no limit if it is not.
  [[nodiscard]] std::uint64_t cap_of(std::uint64_t learned) const {
    constexpr std::uint64_t none = std::numeric_limits<std::uint64_t>::max();
    const std::uint64_t own =
        limits_.max_requests != 0 && last_ == LastRequest::announced ? limits_.max_requests : none;
    return learned != 0 ? std::min(learned, own) : own;
  }

  [[nodiscard]] Retirement why_last(const UseHistory& use) const {
    if (limits_.max_requests != 0 && use.requests >= limits_.max_requests) {
      return Retirement::max_requests;
    }
    return use.requests >= request_cap_ ? Retirement::request_limit : Retirement::max_age;
  }

  void park(Connection& connection, TimePoint now) {
    connection.use_.idle_since = now;
    move(connection, PoolState::idle);
  }

  [[nodiscard]] Members* list_of(PoolState state) {
    switch (state) {
      case PoolState::connecting:
        return &connecting_;
      case PoolState::leased:
        return &leased_;
      case PoolState::pinned:
        return &pinned_;
      case PoolState::idle:
        return &idle_;
      case PoolState::resting:
        return &resting_;
      case PoolState::leaving:
        return &leaving_;
      case PoolState::none:
        return nullptr;
    }
    return nullptr;
  }

  // The only place where a connection changes its state.
  void move(Connection& connection, PoolState to) {
    const PoolState before = connection.state_;
    if (Members* from = list_of(before)) {
      from->remove(connection);
    }
    connection.state_ = to;
    Members* onto = list_of(to);
    if (onto != nullptr && before == PoolState::resting && to == PoolState::idle) {
      onto->push_back(connection);  // it has been idle for longer than the others
    } else if (onto != nullptr) {
      onto->push_front(connection);
    }
  }

  PoolLimits limits_;
  LastRequest last_;
  std::uint64_t request_cap_;  // from this one on a request is its connection's last
  Members connecting_;
  Members leased_;
  Members pinned_;
  Members idle_;     // newest first
  Members resting_;  // likewise
  Members leaving_;
};

}  // namespace holdfast
