#include "cli/probe_connection.h"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <memory>
#include <utility>

#include "codec/http1/decoder.h"
#include "codec/http1/hop_by_hop.h"
#include "net/clock.h"
#include "proxy/endpoint.h"

namespace holdfast {
namespace {

constexpr std::size_t block_bytes = std::size_t{64} * 1024;
constexpr http1::HeadLimits head_limits{
    .head_bytes = block_bytes, .target_bytes = block_bytes, .fields = http1::max_fields};

// Waits until the socket is ready for this; false when the time is over, ready or not: one that is
// always ready must come to an end too.
bool wait_for(int socket, short events, TimePoint deadline) {
  while (true) {
    const Duration left = deadline - monotonic_now();
    if (left <= 0s) {
      return false;
    }
    pollfd watched{socket, events, 0};
    // Rounded up, so that it does not turn idly in the last millisecond.
    const auto milliseconds = std::chrono::ceil<std::chrono::milliseconds>(left).count();
    const int ready = ::poll(&watched, 1, static_cast<int>(std::min<long>(milliseconds, 1 << 30)));
    if (ready > 0) {
      return true;
    }
    if (ready < 0 && errno != EINTR) {
      return false;
    }
  }
}

int pending_error(int socket) {
  int error = 0;
  socklen_t bytes = sizeof error;
  return ::getsockopt(socket, SOL_SOCKET, SO_ERROR, &error, &bytes) == 0 ? error : errno;
}

void take_head(const http1::ResponseHead& head, ProbeAnswer& answer) {
  answer.version = head.version;
  answer.status = head.status;
  answer.body = head.body;
  answer.bound = head.connection_bound;
  for (const http1::Field& field : head.fields) {
    if (field.id == http1::FieldId::keep_alive) {
      if (const auto seconds = http1::read_keep_alive(field.value).timeout) {
        answer.promised_idle = std::chrono::seconds(*seconds);
      }
    } else if (http1::equal_ignoring_case(field.name, "server")) {
      answer.server = field.value;
    }
  }
}

}  // namespace

Result<ProbeConnection> ProbeConnection::open(const SocketAddress& to, TimePoint deadline) {
  Descriptor socket(::socket(to.raw().sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!socket.open()) {
    return unexpected(connect_error(errno));
  }
  if (::connect(socket.get(), &to.raw(), to.raw_bytes()) != 0) {
    if (errno != EINPROGRESS) {
      return unexpected(connect_error(errno));
    }
    if (!wait_for(socket.get(), POLLOUT, deadline)) {
      return unexpected(make_error(ErrorCode::connect_timeout));
    }
    if (const int error = pending_error(socket.get()); error != 0) {
      return unexpected(connect_error(error));
    }
  }
  return ProbeConnection(std::move(socket));
}

Result<void> ProbeConnection::send(std::string_view bytes, TimePoint deadline) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent >= 0) {
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    } else if (errno != EAGAIN && errno != EINTR) {
      return unexpected(make_error(ErrorCode::upstream_closed, errno));
    } else if (!wait_for(socket_.get(), POLLOUT, deadline)) {
      return unexpected(make_error(ErrorCode::request_stalled));
    }
  }
  return {};
}

Result<bool> ProbeConnection::receive(std::string& received, TimePoint deadline) const {
  if (!wait_for(socket_.get(), POLLIN, deadline)) {
    return unexpected(make_error(ErrorCode::response_timeout));
  }
  std::array<char, block_bytes> block;
  const ssize_t got = ::recv(socket_.get(), block.data(), block.size(), 0);
  if (got < 0) {
    return errno == EAGAIN || errno == EINTR
               ? Result<bool>(true)
               : unexpected(make_error(ErrorCode::upstream_closed, errno));
  }
  received.append(block.data(), static_cast<std::size_t>(got));
  return got > 0;
}

Result<ProbeAnswer> ProbeConnection::ask(std::string_view request, TimePoint deadline) {
  const TimePoint began = monotonic_now();
  if (const Result<void> sent = send(request, deadline); !sent) {
    return unexpected(sent.error());
  }
  const auto table = std::make_unique<http1::FieldTable>();
  http1::ResponseDecoder decoder(*table, head_limits);
  decoder.expect(http1::Method::get);
  ProbeAnswer answer;
  std::string received;
  while (true) {
    const http1::ResponseHead& head = decoder.head();
    Step step = decoder.next(received);
    if (step.kind == StepKind::head) {
      take_head(head, answer);
    }
    answer.body_bytes += step.body.size();
    answer.beginning += step.body.substr(0, ProbeAnswer::max_beginning - answer.beginning.size());
    received.erase(0, step.consumed);
    if (step.kind == StepKind::need_more) {
      const Result<bool> more = receive(received, deadline);
      if (!more) {
        // Behind a head it is the body that does not come.
        return unexpected(more.error().code == ErrorCode::response_timeout && answer.status != 0
                              ? make_error(ErrorCode::response_stalled)
                              : more.error());
      }
      if (*more) {
        continue;
      }
      step = decoder.finish();
    }
    if (step.kind == StepKind::error) {
      return unexpected(make_error(step.error));
    }
    if (step.kind == StepKind::end) {
      answer.keeps = decoder.continues() && received.empty();
      answer.took = monotonic_now() - began;
      return answer;
    }
  }
}

bool ProbeConnection::ended() const {
  char byte = 0;
  const ssize_t got = ::recv(socket_.get(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  return got >= 0 || (errno != EAGAIN && errno != EINTR);
}

bool ProbeConnection::wait_for_end(TimePoint deadline) const {
  return wait_for(socket_.get(), POLLIN, deadline) && ended();
}

}  // namespace holdfast
