#include "server/door.h"

#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/log.h"

namespace holdfast {

Door::Door(Context& context, Loop& loop, const ListenerOptions& options,
           std::span<Upstream* const> upstreams, Permits& permits, std::function<void()> on_empty)
    : context_(context),
      service_(options, upstreams),
      permits_(permits),
      on_empty_(std::move(on_empty)),
      listener_(loop, *this) {}

// Memory for one more client, without which it is not taken from the kernel's queue.
bool Door::has_memory() { return context_.clients.ready() && context_.streams.ready(); }

bool Door::may_accept() {
  if (!has_memory()) {
    wait_for_machine(ENOMEM);
    return false;
  }
  if (memory_overload(context_) != Overload::stop && permits_.take()) {
    return true;
  }
  block(retry);
  return false;
}

void Door::on_accepted(int descriptor, const IpAddress& from) {
  serve(descriptor, from);
  judge();
  if (service_.overload != Overload::none) {
    shed(1);
  }
}

// Who waits outside is let in before those who rest inside without asking for anything.
void Door::block(Duration until_next_try) {
  context_.counters.accepts_stopped += blocked_ ? 0 : 1;
  blocked_ = true;
  context_.timers.arm(*this, context_.now() + until_next_try);
  shed(until_next_try == retry ? 1 : shed_at_once);
}

// Where permits are short nobody is refused: a burst of short clients is better off in the kernel's
// queue, and is served in a moment.
void Door::judge() {
  const Overload crowd = overload_of(permits_.taken(), permits_.limit());
  service_.overload = std::max(std::min(crowd, Overload::shed), memory_overload(context_));
  if (service_.overload != Overload::none && !armed()) {
    context_.timers.arm(*this, context_.now() + look_again);
  }
}

void Door::shed(int most) {
  while (most-- > 0 && !service_.resting.empty()) {
    service_.resting.front()->shed();
  }
}

void Door::serve(int descriptor, const IpAddress& from) {
  ClientConnection& client = context_.clients.make(context_, *this, service_);
  ++service_.clients;
  ++service_.clients_opened;
  if (client.stream().adopt(descriptor) == 0) {
    client.start(from);
  } else {
    client.abort();
  }
}

void Door::on_accept_failed(int system) {
  permits_.give_back();
  wait_for_machine(system);
}

// Those who wait in the kernel's queue go on waiting there.
void Door::wait_for_machine(int system) {
  block(after_shortage);
  if (context_.may_log_shortage()) {
    log::warn("listener {}: clients have to wait, this machine cannot accept them now: {}",
              service_.options.name, std::strerror(system));
  }
}

void Door::go_on() {
  if (blocked_) {
    blocked_ = false;
    listener_.resume();
  }
}

void Door::on_client_closed(ClientConnection& client, Stream& stream) {
  context_.clients.release(client);
  --service_.clients;
  context_.streams.release(stream);
  permits_.give_back();
  if (service_.overload != Overload::none) {
    judge();
  }
  go_on();
  if (service_.clients == 0) {
    on_empty_();
  }
}

void Door::on_deadline(TimePoint) {
  judge();
  if (memory_overload(context_) != Overload::none) {
    shed(shed_at_once);
  }
  go_on();
}

void Door::close() {
  blocked_ = false;
  // At the very end the caps do not count: these clients have been let in by the kernel.
  listener_.take_waiting([this](int descriptor, const IpAddress& from) {
    if (!has_memory()) {
      ::close(descriptor);
      return;
    }
    permits_.take_beyond();
    serve(descriptor, from);
  });
  listener_.close();
}

}  // namespace holdfast
