#include "admin/numbers_pages.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace holdfast {
namespace {

// How long a browser waits before it comes back: when the connection broke, and when there was no
// place for it.
constexpr std::string_view come_back = "retry: 2000\n\n";
constexpr std::string_view all_taken =
    "retry: 10000\n"
    "event: busy\n"
    "data: {\"text\":\"As many pages as holdfast serves are open already: close one of "
    "them.\"}\n\n";

LocalAnswer event_stream(std::string_view first) {
  return {.type = "text/event-stream", .fields = safe_fields(), .body = std::string(first)};
}

}  // namespace

void NumbersPage::serve(const http1::RequestHead&, LocalReply& reply) {
  waiting_.push_back(&reply);
  census_.take(*this);
}

void NumbersPage::on_census() {
  const LocalAnswer answer{.type = "application/json",
                           .fields = safe_fields(),
                           .body = status_json(numbers_.read()) + '\n'};
  for (LocalReply* reply : std::exchange(waiting_, {})) {
    reply->answer(answer);
  }
}

void EventsPage::serve(const http1::RequestHead&, LocalReply& reply) {
  if (streams_.size() == max_streams) {
    reply.answer(event_stream(all_taken));
    return;
  }
  streams_.push_back(&reply);
  if (reply.begin(event_stream(come_back)) != LocalReply::Sent::gone) {
    census_.take(*this);  // the first event comes at once
  }
}

void EventsPage::on_gone(LocalReply& reply) {
  std::erase(streams_, &reply);
  if (streams_.empty()) {
    timers_.disarm(*this);
  }
}

void EventsPage::on_census() {
  if (!streams_.empty()) {
    send(fmt::format("event: status\ndata: {}\n\n", status_json(numbers_.read())));
  }
  if (!streams_.empty() && !armed()) {
    timers_.arm(*this, clock_.now() + interval);
  }
}

void EventsPage::on_deadline(TimePoint) { census_.take(*this); }

// A stream that is behind misses this one. One that turns out to be gone leaves by on_gone, so a
// copy is walked over, and each is looked up before its turn.
void EventsPage::send(std::string_view event) {
  const std::vector<LocalReply*> all = streams_;
  for (LocalReply* reply : all) {
    if (std::find(streams_.begin(), streams_.end(), reply) != streams_.end()) {
      static_cast<void>(reply->send(event));  // see above: whatever became of it is right
    }
  }
}

void EventsPage::on_end() {
  timers_.disarm(*this);
  for (LocalReply* reply : std::exchange(streams_, {})) {
    reply->end();
  }
}

}  // namespace holdfast
