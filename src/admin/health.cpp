#include "admin/health.h"

#include <fmt/format.h>

#include <utility>

namespace holdfast {
namespace {

double in_seconds(Duration time) { return std::chrono::duration<double>(time).count(); }

constexpr int status_ok = 200;
constexpr int status_unavailable = 503;

// Whether `verbose` is among the parameters of a target.
bool asks_for_all(std::string_view target) {
  std::string_view query = target.substr(std::min(target.find('?'), target.size()));
  while (!query.empty()) {
    query.remove_prefix(1);  // '?' or '&'
    const std::string_view parameter = query.substr(0, query.find('&'));
    if (parameter.substr(0, parameter.find('=')) == "verbose") {
      return true;
    }
    query.remove_prefix(parameter.size());
  }
  return false;
}

// In words, or empty.
std::string trouble_with(const ServerNumbers& server) {
  if (server.state == ServerState::resolving) {
    return fmt::format("{}: its name is being looked up", server.server);
  }
  if (server.state != ServerState::aside && server.state != ServerState::unresolved) {
    return "";
  }
  const std::string state =
      server.state == ServerState::aside
          ? "set aside"
          : fmt::format("without an address for {:.1f} s", in_seconds(server.unresolved_for));
  const std::string next = server.retry_in == Duration::zero()
                               ? "tried again now"
                               : fmt::format("next try in {:.1f} s", in_seconds(server.retry_in));
  const std::string why = server.last_error ? fmt::format(". {}. {}", server.last_error->what,
                                                          server.last_error->remedy)
                                            : "";
  return fmt::format("{}: {}, {}{}", server.server, state, next, why);
}

}  // namespace

void LivePage::serve(const http1::RequestHead&, LocalReply& reply) {
  waiting_.push_back(&reply);
  census_.take(*this);
}

void LivePage::on_census() {
  std::string stuck;
  for (unsigned i = 0; i < census_.workers(); ++i) {
    if (census_.stuck(i)) {
      stuck += fmt::format("worker {} has not answered for a second\n", i);
    }
  }
  const LocalAnswer answer =
      stuck.empty() ? plain_answer(status_ok, "ok") : plain_answer(status_unavailable, stuck);
  for (LocalReply* reply : std::exchange(waiting_, {})) {
    reply->answer(answer);
  }
}

void ReadyPage::serve(const http1::RequestHead& request, LocalReply& reply) {
  if (asks_for_all(request.target)) {
    waiting_.push_back(&reply);
    census_.take(*this);
  } else if (workers_.ending()) {
    reply.answer(plain_answer(status_unavailable, "draining: about to end"));
  } else {
    reply.answer(plain_answer(status_ok, "ok"));
  }
}

void ReadyPage::on_census() {
  const StatusNumbers numbers = numbers_.read();
  std::string text = readiness_text(numbers);
  text.pop_back();  // its line end: an answer has one of its own
  const LocalAnswer answer = plain_answer(numbers.draining ? status_unavailable : status_ok, text);
  for (LocalReply* reply : std::exchange(waiting_, {})) {
    reply->answer(answer);
  }
}

// Nobody can ask before the first two hold.
std::string readiness_text(const StatusNumbers& numbers) {
  std::string text = fmt::format(
      "[+] configuration: loaded\n"
      "[+] listeners: open\n"
      "[{}] draining: {}\n",
      numbers.draining ? '-' : '+', numbers.draining ? "yes" : "no");
  for (const UpstreamNumbers& upstream : numbers.upstreams) {
    std::size_t good = 0;
    for (const ServerNumbers& server : upstream.servers) {
      const std::string trouble = trouble_with(server);
      good += trouble.empty() ? 1 : 0;
      text += trouble.empty() ? "" : fmt::format("[!] upstream {}: {}\n", upstream.name, trouble);
    }
    text +=
        fmt::format("[{}] upstream {}: {} of {} servers in use{}\n",
                    good == upstream.servers.size() ? '+' : '!', upstream.name, good,
                    upstream.servers.size(), good == 0 ? "; readiness does not depend on it" : "");
  }
  return text + (numbers.draining ? "draining: about to end\n" : "ok\n");
}

}  // namespace holdfast
