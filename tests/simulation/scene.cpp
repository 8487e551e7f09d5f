#include "simulation/scene.h"

#include <cstdio>

namespace holdfast {
namespace {

constexpr std::array<std::string_view, sim_event_count> names{
    "answers delivered whole",
    "answers of the proxy's own",
    "answers cut, and seen to be",
    "answers cut by end of stream",
    "requests closed unanswered",
    "requests closed unread",
    "requests that had to be refused",
    "interim answers delivered",
    "invitations to send a body",
    "request heads seen by backends",
    "executions",
    "requests executed twice",
    "early answers",
    "answers with bytes behind them",
    "bytes sent while idle",
    "connections closed while idle",
    "faults of backends",
    "restarts of servers",
    "connection attempts refused",
    "connection attempts unanswered",
    "connection attempts failed here",
    "clients",
    "clients that sent a reset",
    "clients that left in the middle",
    "clients that closed their half",
    "clients that were too slow",
    "jumps of the clock",
    "connections moved",
    "workers drained under load",
    "runs ended at once",
};

}  // namespace

std::string_view sim_event_name(SimEvent event) { return names[static_cast<std::size_t>(event)]; }

void SimTally::add(const SimTally& other) {
  for (std::size_t i = 0; i < events.size(); ++i) {
    events[i] += other.events[i];
  }
  for (std::size_t i = 0; i < statuses.size(); ++i) {
    statuses[i] += other.statuses[i];
  }
}

void SimJudge::note(std::string_view what, std::uint64_t a, std::uint64_t b) {
  constexpr std::uint64_t prime = 1099511628211;
  for (const std::uint64_t part : {std::uint64_t{what.size()}, std::uint64_t(what[0]), a, b}) {
    digest_ = (digest_ ^ part) * prime;
  }
  if (tells_) {
    std::printf("%8llu  %.*s %llu %llu\n", static_cast<unsigned long long>(steps_),
                static_cast<int>(what.size()), what.data(), static_cast<unsigned long long>(a),
                static_cast<unsigned long long>(b));
  }
}

void SimJudge::tell(std::string_view text) const {
  if (!tells_) {
    return;
  }
  std::printf("          | ");
  for (const char c : text.substr(0, 300)) {
    c >= ' ' && c <= '~' ? std::printf("%c", c) : std::printf("\\x%02x", c & 0xff);
  }
  std::printf("\n");
}

void SimJudge::broken(std::string text) {
  if (tells_) {
    std::printf("%8llu  BROKEN: %s\n", static_cast<unsigned long long>(steps_), text.c_str());
  }
  if (broken_.empty()) {
    broken_ = std::move(text);
  }
}

}  // namespace holdfast
