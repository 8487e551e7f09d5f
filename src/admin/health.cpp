#include "admin/health.h"

#include <fmt/format.h>

#include <utility>

namespace holdfast {
namespace {

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
  const bool ready = !workers_.ending();
  const int status = ready ? status_ok : status_unavailable;
  const std::string_view verdict = ready ? "ok" : "draining: about to end";
  if (!asks_for_all(request.target)) {
    reply.answer(plain_answer(status, verdict));
    return;
  }
  // Nobody can ask before the first two hold.
  reply.answer(plain_answer(status, fmt::format("[+] configuration: loaded\n"
                                                "[+] listeners: open\n"
                                                "[{}] draining: {}\n{}",
                                                ready ? '+' : '-', ready ? "no" : "yes", verdict)));
}

}  // namespace holdfast
