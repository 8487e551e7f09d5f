#include "server/door.h"

#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/log.h"

namespace holdfast {

Door::Door(Context& context, Loop& loop, const ListenerOptions& options, Upstream& upstream,
           Permits& permits, std::function<void()> on_empty)
    : context_(context),
      service_(options),
      upstream_(upstream),
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
  if (permits_.take()) {
    return true;
  }
  blocked_ = true;
  context_.timers.arm(*this, context_.now() + retry);
  return false;
}

void Door::on_accepted(int descriptor, const IpAddress& from) { serve(descriptor, from); }

void Door::serve(int descriptor, const IpAddress& from) {
  ClientConnection& client = context_.clients.make(context_, *this, service_, upstream_);
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
  blocked_ = true;
  context_.timers.arm(*this, context_.now() + after_shortage);
  if (context_.now() - last_complaint_ >= complain) {
    last_complaint_ = context_.now();
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
  context_.streams.release(stream);
  permits_.give_back();
  go_on();
  if (context_.clients.in_use() == 0) {
    on_empty_();
  }
}

void Door::on_deadline(TimePoint) { go_on(); }

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
