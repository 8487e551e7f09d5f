// When the proxy may answer in its own name.

#include <algorithm>

#include "simulation/sim_client.h"

namespace holdfast {
namespace {

// The failure that an answer of the proxy's own tells of, by its sentence.
std::optional<ErrorCode> code_of(std::string_view text) {
  const std::size_t first_end = text.find('\n');
  if (first_end == std::string_view::npos) {
    return std::nullopt;
  }
  text.remove_prefix(first_end + 1);
  const std::string_view line = text.substr(0, text.find('\n'));
  for (std::size_t i = 0; i < error_code_count; ++i) {
    const std::string_view said = error_row(static_cast<ErrorCode>(i)).text;
    if (!said.empty() && line.starts_with(said)) {
      return static_cast<ErrorCode>(i);
    }
  }
  return std::nullopt;
}

}  // namespace

void SimClient::judge_own_answer(const SimRequest& request) {
  scene_.judge.note("own answer", request.id, static_cast<std::uint64_t>(present_.status));
  if (request.refusal != 0) {
    scene_.tally.count(SimEvent::refused_requests);
    scene_.judge.expect(present_.status == request.refusal || request.excused(Excuse::client) ||
                            request.excused(Excuse::time),
                        "refused with another status", request.id);
    scene_.judge.expect(closes_, "a refused request leaves its connection open", request.id);
    return;
  }
  if (request.method == "HEAD") {
    const bool may_be = request.excuses != 0 || connects_may_fail() ||
                        attempts_may_have_expired(request) ||
                        scene_.settings.upstream.queue.timeout != 0s;
    scene_.judge.expect(may_be, "a failure for no reason", request.id);
    return;
  }
  const auto code = code_of(present_.own_text);
  scene_.judge.expect(code && error_row(*code).status == present_.status,
                      "a failure that is not in the table", request.id);
  if (code && !may_fail(*code, request)) {
    scene_.judge.broken("a failure for no reason: " + std::string(error_row(*code).name) +
                        ", request " + std::to_string(request.id));
  }
}

bool SimClient::connects_may_fail() const {
  const SimSettings& settings = scene_.settings;
  return settings.local_trouble != 0 || settings.restarts != 0 ||
         std::ranges::any_of(settings.servers, [](const SimServer& server) {
           return server.refused + server.unanswered != 0;
         });
}

// What was under way when the clock jumped has failed, and for a pause after that requests are told
// so.
bool SimClient::attempts_may_have_expired(const SimRequest& request) const {
  constexpr Duration longest_pause = 1s;
  return request.excused(Excuse::time) ||
         request.sent_at <
             scene_.jumped_at + scene_.settings.upstream.timeouts.connect + longest_pause;
}

bool SimClient::may_fail(ErrorCode code, const SimRequest& request) const {
  const SimSettings& settings = scene_.settings;
  const bool by_backend = request.excused(Excuse::backend);
  switch (code) {
    case ErrorCode::malformed_request:
      return !request.complete;
    case ErrorCode::body_too_large:
      return request.chunked && (request.body_bytes > settings.upstream.limits.chunked_body ||
                                 settings.listener.limits.body != 0);
    case ErrorCode::request_timeout:
      return request.excused(Excuse::client) || request.excused(Excuse::time);
    case ErrorCode::upstream_closed:
    case ErrorCode::upstream_write_failed:
      return by_backend || request.excused(Excuse::refused_write) ||
             (request.excused(Excuse::stale) && (!request.must_survive || request.wires > 1));
    case ErrorCode::malformed_response:
    case ErrorCode::response_head_too_large:
    case ErrorCode::unexpected_upgrade:
    case ErrorCode::too_many_interim:
    case ErrorCode::response_incomplete:
      return by_backend;
    case ErrorCode::response_timeout:
    case ErrorCode::response_stalled:
    case ErrorCode::request_stalled:
      return by_backend || request.excused(Excuse::time);
    case ErrorCode::connect_refused:
    case ErrorCode::connect_failed:
    case ErrorCode::connect_timeout:
      return connects_may_fail() || attempts_may_have_expired(request);
    case ErrorCode::out_of_ports:
    case ErrorCode::out_of_descriptors:
    case ErrorCode::local_failure:
      return settings.local_trouble != 0;
    case ErrorCode::queue_full:
      return settings.upstream.queue.max != 0;
    case ErrorCode::queue_timeout:
      return settings.upstream.queue.timeout != 0s &&
             scene_.now() - request.sent_at >= settings.upstream.queue.timeout;
    default:
      return false;
  }
}

}  // namespace holdfast
