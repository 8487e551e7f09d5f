#include "cli/healthcheck.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <iterator>
#include <ostream>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include "cli/probe_connection.h"
#include "cli/wording.h"
#include "config/scalars.h"
#include "net/clock.h"

namespace holdfast {
namespace {

constexpr std::string_view command = "holdfast healthcheck";
constexpr std::string_view advice =
    "; give what `holdfast run` was given, or ask with --address HOST:PORT";
constexpr std::string_view is_it_up =
    "; is holdfast running, and is status.address there what it is here? --address asks elsewhere";

// What was asked for, as curl takes it where it can.
std::string place_text(const SocketAddress& address, std::string_view path) {
  return address.is_unix() ? fmt::format("{} of {}", path, address.text())
                           : fmt::format("http://{}{}", address.text(), path);
}

std::string request_for(const SocketAddress& address, std::string_view path) {
  return fmt::format(
      "GET {} HTTP/1.1\r\nHost: {}\r\nUser-Agent: holdfast-healthcheck\r\nConnection: "
      "close\r\n\r\n",
      path, address.is_unix() ? "localhost" : address.text());
}

// Why there is no answer, and what to do about it.
std::string trouble_text(const Error& error, Duration timeout) {
  if (error.code == ErrorCode::connect_refused) {
    return fmt::format("nobody listens there{}", is_it_up);
  }
  const ErrorCode late[] = {ErrorCode::connect_timeout, ErrorCode::response_timeout,
                            ErrorCode::response_stalled};
  if (std::find(std::begin(late), std::end(late), error.code) != std::end(late)) {
    return fmt::format("no answer within {}; holdfast is stuck, or the machine has no time for it",
                       duration_text(timeout));
  }
  const std::string why = error.system == 0 ? std::string(error_row(error.code).text)
                                            : std::system_category().message(error.system);
  return fmt::format("no answer: {}{}", why, is_it_up);
}

Result<ProbeAnswer> ask(const SocketAddress& address, std::string_view path, Duration timeout) {
  const TimePoint deadline = monotonic_now() + timeout;
  Result<ProbeConnection> connection = ProbeConnection::open(address, deadline);
  if (!connection) {
    return unexpected(connection.error());
  }
  return connection->ask(request_for(address, path), deadline);
}

int fail(const Outputs& outputs, std::string_view why) {
  outputs.diagnostics << fmt::format("{}: {}\n", command, why);
  return exit_failure;
}

// The first line of what was said.
std::string first_line(const ProbeAnswer& answer) {
  return in_quotes(answer.beginning.substr(0, answer.beginning.find_first_of("\r\n")));
}

int visit(const SocketAddress& address, const HealthcheckOptions& options, const Outputs& outputs) {
  constexpr int status_ok = 200;
  constexpr int status_unavailable = 503;
  const std::string_view path = options.live ? "/livez" : "/readyz";
  const std::string place = place_text(address, path);
  const Result<ProbeAnswer> answer = ask(address, path, options.timeout);
  if (!answer) {
    return fail(outputs,
                fmt::format("{}: {}", place, trouble_text(answer.error(), options.timeout)));
  }
  const std::string said = fmt::format("{} and {}", answer->status, first_line(*answer));
  if (answer->status == status_ok) {
    outputs.results << fmt::format("{}: {}, in {}\n", place, said, spoken(answer->took));
    return exit_ok;
  }
  return fail(outputs, answer->status == status_unavailable
                           ? fmt::format("{}: {}", place, said)
                           : fmt::format("{}: {}; is that holdfast? Its status.address may differ, "
                                         "--address asks elsewhere",
                                         place, said));
}

// All that matters is where the status listener is. So what `run` was told by flags, which nobody
// can know here, need not be told again: a listener and a server stand in for those that are
// missing.
ConfigSource completed(ConfigSource source, const Environment& environment) {
  const bool has_pair =
      !source.listen.empty() || !source.upstreams.empty() || environment_configures(environment);
  if (!source.file.empty() || (!has_pair && ::access(default_config_path, F_OK) == 0)) {
    return source;
  }
  if (source.listen.empty() && environment(listen_variable).value_or("").empty()) {
    source.listen = "127.0.0.1:0";
  }
  if (source.upstreams.empty() && environment(upstream_variable).value_or("").empty()) {
    source.upstreams = {"127.0.0.1:9"};
  }
  return source;
}

}  // namespace

SocketAddress address_to_ask(const SocketAddress& listening) {
  if (listening.is_unix()) {
    return listening;
  }
  const std::string port = std::to_string(listening.port());
  for (const auto& [any, own] :
       {std::pair("0.0.0.0:", "127.0.0.1:"), std::pair("[::]:", "[::1]:")}) {
    if (listening.text() == any + port) {
      return *SocketAddress::parse(own + port);
    }
  }
  return listening;
}

int healthcheck(const HealthcheckOptions& options, const Outputs& outputs) {
  if (options.address) {
    return visit(address_to_ask(*options.address), options, outputs);
  }
  const Environment environment = own_environment();
  const LoadedConfig loaded =
      load_source(completed(options.source, environment), environment, advice);
  if (!loaded.outcome.config) {
    outputs.diagnostics << render_refusal(loaded, command, outputs.colour);
    return loaded.exit_code_if_bad;
  }
  const auto& address = loaded.outcome.config->status.address;
  if (!address) {
    return fail(outputs, "status.address is off, so nobody tells; set it to an address");
  }
  if (!address->is_unix() && address->port() == 0) {
    return fail(outputs,
                "the port of status.address is 0, any port; give it one, or ask with "
                "--address HOST:PORT");
  }
  return visit(address_to_ask(*address), options, outputs);
}

}  // namespace holdfast
