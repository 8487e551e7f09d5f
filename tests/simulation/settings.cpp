#include "simulation/settings.h"

#include <string>

namespace holdfast {

SimSettings::SimSettings(SimRandom& random) {
  static constexpr std::size_t largest_body[] = {50, 2000, 2000, 20'000, 150'000};
  static constexpr std::size_t kernel_rooms[] = {600, 4'000, 40'000, 400'000, 400'000};
  calm = random.one_in(4);
  workers = static_cast<unsigned>(random.one_in(2) ? 1 : random.between(2, 3));
  clients = random.between(1, 12);
  max_body = random.any_of(largest_body);
  kernel_bytes = random.any_of(kernel_rooms);
  short_writes = random.one_in(2) ? 0 : random.between(1, 60);
  pipelined = random.one_in(2) ? 0 : random.between(10, 100);
  draw_limits(random);
  draw_servers(random);
  if (!calm) {
    draw_faults(random);
  }
}

void SimSettings::draw_limits(SimRandom& random) {
  static constexpr std::size_t collected[] = {0, 500, 5'000, 1 << 20};
  static constexpr std::uint32_t idle[] = {0, 1, 2, 64, 64, 64};
  listener.timeouts = {.head = 2s, .body = 2s, .write = 2s, .idle = 5s};
  listener.max_requests = random.one_in(3) ? random.between(1, 6) : 0;
  listener.half_close = random.one_in(2) ? HalfClose::serve : HalfClose::abort;
  listener.limits.head = random.one_in(3) ? 1024 : 16 * 1024;
  listener.limits.body_rate = 0;
  listener.limits.write_rate = 0;
  listener.limits.target = 500;
  listener.limits.body = random.one_in(6) ? random.between(100, 5'000) : 0;
  upstream.name = "simulated";
  listener.upstream = upstream.name;
  upstream.pool.max_connections = static_cast<std::uint32_t>(random.between(1, 8));
  upstream.pool.max_idle = random.any_of(idle);
  upstream.pool.max_requests = random.one_in(3) ? random.between(1, 8) : 0;
  upstream.pool.idle_timeout =
      random.one_in(2) ? 0s : std::chrono::milliseconds(random.between(1, 3000));
  upstream.pool.max_age =
      random.one_in(2) ? 0s : std::chrono::milliseconds(random.between(5, 5000));
  if (random.one_in(3)) {
    upstream.pool.idle_timeout = learned_timeout;
  }
  static constexpr Retire endings[] = {Retire::automatic, Retire::automatic, Retire::peer_first,
                                       Retire::fin, Retire::reset};
  upstream.retire = random.any_of(endings);
  upstream.queue.timeout = calm ? 0s : std::chrono::milliseconds(random.between(100, 4000));
  upstream.queue.max = !calm && random.one_in(3) ? random.between(1, 4) : 0;
  upstream.timeouts = {.connect = 1s, .response = 2s, .read = 2s, .write = 2s};
  static constexpr std::uint32_t budgets[] = {100, 100, 10, 0};
  upstream.replay.budget = random.any_of(budgets);
  upstream.replay.methods = random.one_in(3) ? ReplayMethods::idempotent : ReplayMethods::safe;
  upstream.replay.body = random.one_in(2) ? 64 * 1024 : random.size(3000);
  upstream.limits.head = 8 * 1024;
  upstream.limits.chunked_body = random.any_of(collected);
  upstream.host = random.one_in(4) ? HostChoice::server : HostChoice::preserve;
}

void SimSettings::draw_servers(SimRandom& random) {
  const std::size_t count = random.between(1, 3);
  bool any_old = false;
  for (std::size_t i = 0; i < count; ++i) {
    upstream.servers.push_back("10.0.0." + std::to_string(i + 1) + ":80");
    SimServer& server = servers.emplace_back();
    server.http11 = !random.one_in(3);
    server.keeps = !random.one_in(4);
    server.closes = random.one_in(2) ? 0 : random.between(1, 50);
    server.interim = random.one_in(2) ? 0 : random.between(1, 40);
    server.early = random.one_in(2) ? 0 : random.between(1, 40);
    any_old |= !server.http11;
  }
  if (any_old && random.one_in(3)) {
    upstream.protocol = ProtocolChoice::http10;
  } else if (!any_old && random.one_in(3)) {
    upstream.protocol = ProtocolChoice::http11;
  }
}

void SimSettings::draw_faults(SimRandom& random) {
  failed_detaches = random.one_in(4) ? 20 : 0;
  failed_adoptions = random.one_in(4) ? 20 : 0;
  local_trouble = random.one_in(4) ? random.between(1, 30) : 0;
  restarts = random.one_in(3) ? random.between(10, 500) : 0;
  time_jumps = random.one_in(4) ? random.between(10, 200) : 0;
  hostile = random.one_in(2) ? random.between(1, 25) : 0;
  leaving = random.one_in(2) ? random.between(1, 40) : 0;
  slow = random.one_in(3) ? random.between(1, 30) : 0;
  drains = random.one_in(8);
  ends_at_once = random.one_in(16);
  for (SimServer& server : servers) {
    server.faults = random.one_in(3) ? 0 : random.between(1, 30);
    server.refused = random.one_in(3) ? random.between(1, 40) : 0;
    server.unanswered = random.one_in(4) ? random.between(1, 20) : 0;
    server.idle_timeout =
        random.one_in(2) ? 0s : std::chrono::milliseconds(random.between(1, 2000));
  }
}

}  // namespace holdfast
