#include "server/door.h"

#include <sys/socket.h>

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

void Door::on_connection() {
  if (!permits_.take()) {
    blocked_ = true;
    context_.timers.arm(*this, context_.now() + retry);
    return;
  }
  blocked_ = false;
  ClientConnection& client = context_.clients.make(context_, *this, service_, upstream_);
  if (const int failed = listener_.accept(static_cast<TcpStream&>(client.stream())); failed != 0) {
    on_accept_failed(failed);
    client.abort();
    return;
  }
  serve(client);
}

void Door::serve(ClientConnection& client) {
  sockaddr_storage address{};
  if (static_cast<TcpStream&>(client.stream()).remote_address(address)) {
    client.start(IpAddress(reinterpret_cast<const sockaddr&>(address)));
  } else {
    client.abort();  // it has gone already
  }
}

void Door::on_accept_failed(int system) {
  if (context_.now() - last_complaint_ >= complain) {
    last_complaint_ = context_.now();
    log::warn("listener {}: accepting a connection failed: {}", service_.options.name,
              std::strerror(system));
  }
}

void Door::on_client_closed(ClientConnection& client, Stream& stream) {
  context_.clients.release(client);
  context_.streams.release(stream);
  permits_.give_back();
  if (blocked_) {
    on_connection();
  }
  if (context_.clients.in_use() == 0) {
    on_empty_();
  }
}

void Door::on_deadline(TimePoint) {
  if (blocked_) {
    on_connection();
  }
}

void Door::close() {
  blocked_ = false;
  // At the very end the caps do not count: these clients have been let in by the kernel.
  listener_.take_waiting([this](int descriptor) {
    permits_.take_beyond();
    ClientConnection& client = context_.clients.make(context_, *this, service_, upstream_);
    if (client.stream().adopt(descriptor) != 0) {
      client.abort();
    } else {
      serve(client);
    }
  });
  listener_.close();
}

}  // namespace holdfast
