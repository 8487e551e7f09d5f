#include "cli/backend_checkup.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>

#include "cli/wording.h"
#include "config/diagnostic.h"
#include "config/scalars.h"
#include "pool/limits.h"

namespace holdfast {
namespace {

// The idle_timeout for a backend whose limit was not met, however long it was looked for.
constexpr Duration longest_unseen = 60s;

// What a failure of connecting means, and what to look at.
struct Words {
  std::string what;
  std::string advice;
};

Words words_for_connecting(const Error& error, const BackendFacts& facts, Duration timeout) {
  switch (error.code) {
    case ErrorCode::connect_refused:
      return {"nobody listens there (connection refused).",
              "Start the backend, or correct the address."};
    case ErrorCode::connect_timeout:
      return {fmt::format("no answer to a connection attempt within {}.", spoken(timeout)),
              "A firewall drops the packets, the machine is down, or the address is wrong."};
    case ErrorCode::out_of_ports:
      return {"no local port is left to connect from (EADDRNOTAVAIL).",
              "The ports of this machine are used up; see its chapter."};
    default:
      return {fmt::format("cannot be connected to ({}).", std::strerror(error.system)),
              facts.server.starts_with("unix:")
                  ? "Check that the path is right and that this user may write to the socket."
                  : "Check the address and the route to it."};
  }
}

Words words_for_asking(const Error& error, const ProbeSettings& settings) {
  switch (error.code) {
    case ErrorCode::response_timeout:
      return {fmt::format("took the connection and did not answer GET {} within {}.", settings.path,
                          spoken(settings.timeout)),
              "The backend hangs or is busy; or ask for another --path, or wait with --timeout."};
    case ErrorCode::response_stalled:
      return {fmt::format("began to answer GET {}, but had not finished after {}.", settings.path,
                          spoken(settings.timeout)),
              "Ask for something smaller with --path, or wait longer with --timeout."};
    case ErrorCode::upstream_closed:
      return {"took the connection and closed it without an answer.",
              "Is it a server for HTTP? One for TLS does this to plain requests."};
    case ErrorCode::response_incomplete:
      return {fmt::format("cut its answer to GET {} short.", settings.path),
              "Look into the log of the backend."};
    default:
      return {"what it answers is not HTTP/1.0 or HTTP/1.1 as it must be.",
              "Another protocol listens there, or the backend breaks the rules of HTTP; holdfast "
              "would answer 502."};
  }
}

std::string_view version_name(Version version) {
  return version == Version::http10 ? "HTTP/1.0" : "HTTP/1.1";
}

std::string body_text(const ProbeAnswer& answer) {
  switch (answer.body) {
    case BodyKind::none:
      return "no body";
    case BodyKind::length:
      return fmt::format("a body with its length ({} bytes)", answer.body_bytes);
    case BodyKind::chunked:
      return fmt::format("a body in chunks ({} bytes)", answer.body_bytes);
    case BodyKind::until_close:
      return fmt::format("a body that ends when the connection does ({} bytes)", answer.body_bytes);
  }
  return "";
}

Finding judge_name(const BackendFacts& facts) {
  return {.verdict = Verdict::sick,
          .check = "name",
          .what = fmt::format("{}: the name does not resolve: {}.", facts.server, facts.name_error),
          .advice = fmt::format("Correct the name, or look at the DNS: getent ahosts {}",
                                facts.server.substr(0, facts.server.rfind(':')))};
}

Finding judge_reach(const BackendFacts& facts, const ProbeSettings& settings) {
  Finding finding{.check = "reach"};
  Words words;
  for (const BackendFacts::Attempt& attempt : facts.attempts) {
    if (attempt.failure) {
      words = words_for_connecting(*attempt.failure, facts, settings.timeout);
      finding.details.push_back(fmt::format("{}: {}", attempt.address.text(), words.what));
    }
  }
  if (finding.details.empty()) {
    finding.verdict = Verdict::healthy;
    finding.what = fmt::format(
        "Takes connections, within {}{}.", spoken(facts.connected_in),
        facts.attempts.size() > 1 ? fmt::format("; {} addresses", facts.attempts.size()) : "");
    return finding;
  }
  finding.verdict = facts.asked ? Verdict::warning : Verdict::sick;
  finding.advice = words.advice;
  if (facts.attempts.size() == 1) {
    finding.what = fmt::format("{}: {}", facts.attempts.front().address.text(), words.what);
    finding.details.clear();
  } else {
    finding.what =
        fmt::format("{} of its {} addresses cannot be connected to:", finding.details.size(),
                    facts.attempts.size());
  }
  return finding;
}

Finding judge_answer(const BackendFacts& facts, const ProbeSettings& settings) {
  if (!facts.answers()) {
    Words words = words_for_asking(*facts.http11.failure, settings);
    words.what.front() = static_cast<char>(std::toupper(words.what.front()));
    return {.verdict = Verdict::sick,
            .check = "answer",
            .what = std::move(words.what),
            .advice = std::move(words.advice)};
  }
  const ProbeAnswer& answer = facts.answer();
  Finding finding{.verdict = Verdict::healthy, .check = "answer"};
  finding.what =
      fmt::format("Answers GET {} in {}: {} {}, {}{}.", settings.path, spoken(answer.took),
                  version_name(answer.version), answer.status, body_text(answer),
                  answer.server.empty() ? "" : "; Server: " + in_quotes(answer.server));
  if (facts.http11.failure) {
    finding.verdict = Verdict::warning;
    finding.advice =
        "It answered only when asked with HTTP/1.0; write protocol: http/1.0 into its upstream.";
  } else if (answer.status >= 500) {
    finding.verdict = Verdict::warning;
    finding.advice = "That is an error of its own. Ask for a page that works, with --path.";
  } else if (answer.status >= 400) {
    finding.advice =
        "Some servers close the connection with such an answer: see what --path and --host change.";
  }
  return finding;
}

// Why the connection cannot be used again.
std::string obstacle_of(const BackendFacts& facts) {
  const ProbeAnswer& answer = facts.answer();
  if (answer.body == BodyKind::until_close) {
    return "its answers end with the connection";
  }
  if (answer.keeps) {
    return "it promises to keep the connection and then closes it";
  }
  return answer.version == Version::http10 ? "it speaks HTTP/1.0 without keep-alive"
                                           : "it closes after each answer";
}

Finding judge_keeping(const BackendFacts& facts) {
  Finding finding{.verdict = Verdict::healthy, .check = "keep_alive"};
  if (facts.http11.again) {
    finding.what = fmt::format(
        "Keeps connections: a second request was answered over the same one (asked with HTTP/1.1: "
        "yes; with HTTP/1.0 and keep-alive: {}).",
        facts.http10.again ? "yes" : "no");
    finding.advice = "They can be pooled.";
    return finding;
  }
  if (facts.http10.again) {
    finding.what =
        "Keeps connections if asked with HTTP/1.0 and Connection: keep-alive, and only "
        "then.";
    finding.advice = "They can be pooled; write protocol: http/1.0 into its upstream.";
    return finding;
  }
  finding.verdict = Verdict::warning;
  finding.what = fmt::format(
      "Cannot be pooled, for {}: each request costs one connection. It closes first, so TIME_WAIT "
      "stays with it.",
      obstacle_of(facts));
  finding.advice =
      "Turn keep-alive on there, with a Content-Length or chunks (nginx: keepalive_timeout; "
      "Apache: "
      "KeepAlive On). Until then holdfast limits how many are open at a time, no more.";
  return finding;
}

Finding judge_close(const BackendFacts& facts) {
  Finding finding{.verdict = Verdict::healthy, .check = "closes_when_asked"};
  if (*facts.closes_when_asked) {
    finding.what = "Closes first when asked to (Connection: close): the TIME_WAIT is then its own.";
  } else {
    finding.verdict = Verdict::warning;
    finding.what = "Does not close within a second when asked to (Connection: close).";
    finding.advice = "Whoever closes the connection at last keeps the TIME_WAIT: holdfast.";
  }
  return finding;
}

std::string promise_text(const BackendFacts& facts) {
  const auto promised = facts.promised_idle();
  return promised ? fmt::format("; its Keep-Alive field says {}", spoken(*promised)) : "";
}

Finding judge_idle(const BackendFacts& facts) {
  Finding finding{.verdict = Verdict::healthy, .check = "idle_limit"};
  if (!facts.idle) {
    finding.verdict = Verdict::note;
    finding.what = fmt::format("The idle limit was not measured{}.", promise_text(facts));
    return finding;
  }
  const std::vector<Duration>& ages = facts.idle->ages;
  if (ages.empty()) {
    finding.what =
        fmt::format("Kept {} idle connections open for all of {}{}.", facts.idle->watched,
                    spoken(facts.idle->watched_for), promise_text(facts));
    finding.advice = "No limit was met; --limit looks for longer.";
    return finding;
  }
  finding.what = fmt::format("Closes idle connections after {} ({} of {}, after {} to {}){}.",
                             spoken(ages.front()), ages.size(), facts.idle->watched,
                             spoken(ages.front()), spoken(ages.back()), promise_text(facts));
  finding.advice = fmt::format("Let idle_timeout stay below it: {}.",
                               duration_text(safe_idle_timeout(*idle_limit_of(facts))));
  const auto promised = facts.promised_idle();
  if (promised && *promised > ages.front() + ages.front() / 10) {
    finding.verdict = Verdict::warning;
    finding.advice += " It closes sooner than it says: something between may be closing.";
  } else if (ages.front() < 2s) {
    finding.verdict = Verdict::warning;
    finding.advice += " That is short: few requests will find a connection that is still open.";
  }
  return finding;
}

Finding judge_requests(const BackendFacts& facts) {
  Finding finding{.verdict = Verdict::healthy, .check = "request_limit"};
  const RequestFacts& requests = *facts.requests;
  if (requests.failure) {
    finding.verdict = Verdict::warning;
    finding.what =
        fmt::format("Answered {} over one connection; the next one failed ({}).",
                    counted(requests.answered, "request"), error_row(requests.failure->code).name);
    finding.advice = "Try again; if it fails again, look into the log of the backend.";
    return finding;
  }
  if (!requests.ended) {
    finding.what = fmt::format("Answered {} over one connection and would go on.",
                               counted(requests.answered, "request"));
    return finding;
  }
  finding.what =
      fmt::format("Closes a connection after {}, {}.", counted(requests.answered, "request"),
                  requests.announced ? "and says so in the last answer" : "without a word");
  finding.advice = fmt::format("Write max_requests: {}.", requests.answered);
  if (requests.answered < 20) {
    finding.verdict = Verdict::warning;
    finding.advice +=
        " It is few; allow more there (nginx: keepalive_requests; Apache: "
        "MaxKeepAliveRequests).";
  }
  return finding;
}

Finding judge_side_by_side(unsigned most) {
  return {.verdict = Verdict::warning,
          .check = "side_by_side",
          .what = fmt::format("Served {} at a time: the next one got no answer while {} idle.",
                              counted(most, "connection"), most == 1 ? "that was" : "those were"),
          .advice =
              "A connection that is kept holds one of its few workers. Give it more, or let "
              "max_connections be as many as it has."};
}

Duration latency_for(const BackendFacts& facts, const ExpectedLoad& load) {
  return load.latency.value_or(facts.latency());
}

}  // namespace

Chapter judge_backend(const BackendFacts& facts, const ProbeSettings& settings) {
  Chapter chapter{.title = "Backend " + facts.server};
  std::vector<Finding>& findings = chapter.findings;
  if (!facts.name_error.empty()) {
    findings.push_back(judge_name(facts));
    return chapter;
  }
  findings.push_back(judge_reach(facts, settings));
  if (!facts.asked) {
    return chapter;
  }
  findings.push_back(judge_answer(facts, settings));
  if (!facts.answers()) {
    return chapter;
  }
  findings.push_back(judge_keeping(facts));
  if (facts.answer().bound) {
    findings.push_back({.verdict = Verdict::warning,
                        .check = "login",
                        .what = "Offers a login that holds for the connection (NTLM, Negotiate).",
                        .advice = "Such a connection belongs to its user and is not shared: allow "
                                  "as many as users ask at a time."});
  }
  if (facts.closes_when_asked) {
    findings.push_back(judge_close(facts));
  }
  if (facts.most_side_by_side) {
    findings.push_back(judge_side_by_side(*facts.most_side_by_side));
  }
  if (facts.keeps()) {
    findings.push_back(judge_idle(facts));
  }
  if (facts.requests) {
    findings.push_back(judge_requests(facts));
  }
  return chapter;
}

std::optional<Duration> idle_limit_of(const BackendFacts& facts) {
  const auto promised = facts.promised_idle();
  if (facts.idle && !facts.idle->ages.empty()) {
    const Duration measured = facts.idle->ages.front();
    return promised && *promised > 0s ? std::min(*promised, measured) : measured;
  }
  return promised && *promised > 0s ? promised : std::nullopt;
}

Finding judge_load(const BackendFacts& facts, const ExpectedLoad& load,
                   const MachineFacts& machine) {
  const std::uint64_t rate = load.requests_per_second.value_or(0);
  const Duration latency = latency_for(facts, load);
  const Concurrency needed = concurrency_of(rate, latency);
  Finding finding{.verdict = Verdict::healthy, .check = "pool_size"};
  finding.what = fmt::format(
      "{} requests a second, {}{} each, are {:.1f} at a time on average (Little's law).", rate,
      spoken(latency), load.latency ? "" : " as measured just now", needed.mean);
  finding.advice = fmt::format(
      "{} connections leave room for bursts (the average and four times its square root).",
      needed.with_room);
  const std::uint64_t bearable = machine.short_connections_per_second();
  if (bearable > 0 && !facts.server.starts_with("unix:")) {
    finding.advice += rate > bearable
                          ? fmt::format(
                                " One connection for each request would need more than the "
                                "{} a second that the ports allow.",
                                bearable)
                          : fmt::format(" Without a pool they would take {} of {} ports.",
                                        rate * machine.time_wait_seconds(), machine.range->size());
  }
  if (machine.range && needed.with_room >= machine.range->size()) {
    finding.verdict = Verdict::sick;
    finding.advice += " That is more than there are ports.";
  }
  return finding;
}

std::optional<PoolAdvice> advise_pool(const BackendFacts& facts, const ExpectedLoad& load) {
  if (!facts.answers()) {
    return std::nullopt;
  }
  PoolAdvice advice{.server = facts.server};
  if (facts.most_side_by_side.value_or(0) > 0) {
    advice.keys.push_back({"max_connections", std::to_string(*facts.most_side_by_side),
                           "the backend serves no more at a time"});
  } else if (load.requests_per_second) {
    const Duration latency = latency_for(facts, load);
    const Concurrency needed = concurrency_of(*load.requests_per_second, latency);
    advice.keys.push_back({"max_connections", std::to_string(needed.with_room),
                           fmt::format("{} requests/s x {}, and room for bursts",
                                       *load.requests_per_second, spoken(latency))});
  } else {
    advice.keys.push_back({"max_connections", std::to_string(PoolLimits().max_connections),
                           "the default; --rps and --latency work it out"});
  }
  if (!facts.keeps()) {
    return advice;
  }
  if (const auto limit = idle_limit_of(facts)) {
    advice.keys.push_back({"idle_timeout", duration_text(safe_idle_timeout(*limit)),
                           limit == facts.promised_idle()
                               ? fmt::format("the backend says {}", spoken(*limit))
                               : fmt::format("the backend closes after {}", spoken(*limit))});
  } else if (facts.idle) {
    advice.keys.push_back(
        {"idle_timeout",
         duration_text(std::min(longest_unseen, safe_idle_timeout(facts.idle->watched_for))),
         fmt::format("the backend kept idle ones for {}", spoken(facts.idle->watched_for))});
  }
  if (facts.requests && facts.requests->ended) {
    advice.keys.push_back({"max_requests", std::to_string(facts.requests->answered),
                           "the backend closes after so many"});
  }
  return advice;
}

}  // namespace holdfast
