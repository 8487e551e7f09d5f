// How an endpoint opens connections for those who wait, and what becomes of the attempts.

#include "proxy/endpoint.h"
#include "proxy/exchange.h"
#include "proxy/upstream.h"

namespace holdfast {

// Wait-or-connect: no more attempts than requests that wait, as far as the permits go.
std::optional<Error> Endpoint::connect_more(Pause pause) {
  if (pause == Pause::kept && context_.now() < next_connect_) {
    return std::nullopt;
  }
  const std::size_t wanted = std::min(circuit_open() ? 1 : window_, waiting() - held_off());
  while (pool_.connecting() < wanted) {
    if (!shared_.permits.take()) {
      make_way();
      call_for_help();
      return std::nullopt;
    }
    if (!may_spend_port()) {
      shared_.permits.give_back();
      call_for_help();
      return std::nullopt;
    }
    if (const auto failed = connect_one()) {
      return failed;
    }
  }
  return std::nullopt;
}

// Of those who wait, how many wait for a connection that is expected back rather than a new one.
std::size_t Endpoint::held_off() const {
  const auto ports = shared_.ports_scarce.load(std::memory_order_relaxed) ? Patience::Ports::scarce
                                                                          : Patience::Ports::ample;
  return patience_.held_off(waiters_.size(), pool_.leased(), ports, context_.fine_now());
}

// Whether there is memory for one more connection.
bool Endpoint::has_memory() const {
  return context_.upstream_connections.ready() && context_.streams.ready();
}

UpstreamConnection& Endpoint::open() {
  UpstreamConnection& connection = context_.upstream_connections.make(context_, *this);
  add_held(1);
  pool_.start(connection);
  ++opened_;
  if (!auditor_.armed()) {
    context_.timers.arm(auditor_, context_.now() + audit_interval);
  }
  return connection;
}

// The caller has taken a permit for it.
std::optional<Error> Endpoint::connect_one() {
  std::optional<Error> failed = connect_from_any();
  if (failed) {
    back_off(*failed);
  }
  return failed;
}

std::optional<Error> Endpoint::connect_from(std::size_t source) {
  if (!has_memory()) {
    shared_.permits.give_back();
    return make_error(ErrorCode::out_of_memory);
  }
  UpstreamConnection& connection = open();
  connection.set_source(source);
  shared_.take_port(source, context_.now());
  const SocketAddress* address = shared_.sources.empty() ? nullptr : &shared_.sources[source];
  const int failed =
      connection.connect(shared_.address, {.address = address, .ports = options_.source_ports});
  if (failed == 0) {
    return std::nullopt;
  }
  retire(connection, Retirement::connect_failed);
  return connect_error(failed);
}

void Endpoint::on_connected(UpstreamConnection& connection) {
  ++context_.counters.upstream_opened;
  ++tally_.opened;
  tally_.connect.add(whole_microseconds(connection.connect_time()));
  note_reachable();
  window_ = std::min(2 * window_, max_connecting);
  pool_.connected(connection, context_.now(), context_.random());
  connection.rest(pool_.idle_deadline(connection));
  if (Exchange* replay = take_out(replays_.next())) {
    replay->on_lease(try_lease());
  } else {
    serve_waiters();
  }
  keep_connecting();  // for those who were held back by failures
  if (letting_go()) {
    drain();
  }
}

// Who waits for a server that is set aside goes to one that serves, rather than wait for a
// connection that may hang just as well.
void Endpoint::on_connect_failed(UpstreamConnection& connection, Error error) {
  const bool served = health_.serving();
  back_off(error);
  retire(connection, Retirement::connect_failed);
  const bool set_aside = served && !health_.serving();
  if (error.side != Side::local && (hopeless() || (set_aside && upstream_.others_serve(*this)))) {
    fail_waiters(error);
  }
  arm();
}

// Opens what those who wait need, and tells them if there is no hope.
void Endpoint::keep_connecting() {
  const auto failed = connect_more();
  if (failed && failed->side != Side::local && hopeless()) {
    fail_waiters(*failed);
  }
  if (context_.workers > 1) {
    pass_on_permit();
  }
  arm();
}

}  // namespace holdfast
