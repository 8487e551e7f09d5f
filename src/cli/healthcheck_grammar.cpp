#include "cli/healthcheck_grammar.h"

#include <string>

#include "cli/option_value.h"

namespace holdfast {
namespace {

Reading<SocketAddress> read_place(const std::string& text) {
  Reading<SocketAddress> address = read_listen_address(text);
  if (address && !address->is_unix() && address->port() == 0) {
    return tl::unexpected(Complaint{"nobody can be asked at port 0", ""});
  }
  return address;
}

}  // namespace

const char* const about_healthcheck =
    R"(Ask a running holdfast on this machine whether it is ready.

Examples:
  holdfast healthcheck
  holdfast healthcheck --live --timeout 500ms /etc/holdfast/holdfast.yaml
  holdfast healthcheck --address 127.0.0.1:8081)";

void add_healthcheck_options(CLI::App& app, HealthcheckOptions& options) {
  add_value(app, {"--address", "Ask there, not at status.address of the configuration"}, read_place,
            [&](const SocketAddress& address) { options.address = address; })
      ->type_name("ADDRESS");
  app.add_flag("--live", options.live, "Ask /livez (its threads turn), not /readyz (it serves)");
  add_value(app, {"--timeout", "Wait so long for the answer"}, read_patience,
            [&](Duration timeout) { options.timeout = timeout; })
      ->type_name("TIME")
      ->default_str(duration_text(options.timeout));
  app.footer(
      "Exit codes: 0 it is ready, 1 it is not or nobody answers, 2 bad usage, "
      "78 bad configuration.");
}

}  // namespace holdfast
