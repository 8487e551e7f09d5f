#include "cli/doctor_grammar.h"

#include <fmt/format.h>

#include <string>
#include <utility>

#include "cli/option_value.h"
#include "config/diagnostic.h"
#include "config/scalars.h"

namespace holdfast {
namespace {

Reading<std::uint64_t> read_number(const std::string& text) {
  constexpr std::uint64_t most = 100'000'000;
  Reading<std::uint64_t> number = read_count(text);
  if (number && (*number == 0 || *number > most)) {
    return tl::unexpected(
        Complaint{fmt::format("{} is not a number from 1 to {}", in_quotes(text), most), ""});
  }
  return number;
}

// What stands in a request's start line as it is.
Reading<std::string> read_path(const std::string& text) {
  const bool is_sound =
      text.starts_with('/') && text.find_first_of("# \t\r\n") == std::string::npos;
  if (!is_sound) {
    return tl::unexpected(
        Complaint{in_quotes(text) + " is not a path", "write it as in a request: /health?full=1"});
  }
  for (const char c : text) {
    if (static_cast<unsigned char>(c) <= 0x20 || c == 0x7f) {
      return tl::unexpected(Complaint{in_quotes(text) + " has control characters", ""});
    }
  }
  return text;
}

Reading<std::string> read_backend(const std::string& text) {
  Reading<std::string> server = read_server(text);
  if (!server && (text.ends_with(".yaml") || text.ends_with(".yml"))) {
    server.error().hint = fmt::format("for a configuration write: holdfast doctor -c {}", text);
  }
  return server;
}

}  // namespace

const char* const about_doctor =
    R"(Look at this machine and at backends: are connections cheap here?

Examples:
  holdfast doctor
  holdfast doctor 10.0.0.5:80 --rps 200 --latency 50ms
  holdfast doctor -c /etc/holdfast/holdfast.yaml --json)";

void add_doctor_options(CLI::App& app, DoctorOptions& options) {
  ProbeSettings& probe = options.probe;
  add_value(app, {"SERVER", "A backend to ask: HOST:PORT or unix:/path"}, read_backend,
            [&](const std::string& server) { options.server = server; })
      ->type_name("");
  app.add_option("-c,--config", options.config, "Ask all backends of this configuration")
      ->type_name("FILE");
  add_value(app, {"--path", "What to ask for"}, read_path,
            [&](const std::string& path) { probe.path = path; })
      ->type_name("PATH")
      ->default_str(probe.path);
  add_value(
      app, {"--host", "What to write into Host, instead of the server's name"},
      [](const std::string& text) { return read_host_name(text); },
      [&](const std::string& host) { probe.host = host; })
      ->type_name("NAME");
  app.add_flag_callback(
      "--fast", [&] { probe.depth = ProbeSettings::Depth::fast; },
      "Do not measure the limits of idle connections and of requests");
  add_value(app, {"--limit", "Measure for so long at most"}, read_patience,
            [&](Duration limit) { probe.limit = limit; })
      ->type_name("TIME")
      ->default_str(duration_text(probe.limit));
  add_value(app, {"--requests", "Send so many over one connection at most"}, read_number,
            [&](std::uint64_t requests) { probe.requests = requests; })
      ->type_name("N")
      ->default_str(std::to_string(probe.requests));
  add_value(app, {"--timeout", "Wait so long for a connection or an answer"}, read_patience,
            [&](Duration timeout) { probe.timeout = timeout; })
      ->type_name("TIME")
      ->default_str(duration_text(probe.timeout));
  add_value(app, {"--rps", "Requests a second that you expect, for the size of the pool"},
            read_number, [&](std::uint64_t rate) { options.load.requests_per_second = rate; })
      ->type_name("N");
  add_value(app, {"--latency", "How long one takes; default: as measured"}, read_patience,
            [&](Duration latency) { options.load.latency = latency; })
      ->type_name("TIME");
  app.add_flag("--json", options.json, "Print all of it as JSON");
  app.footer(
      "Exit codes: 0 healthy, 3 warnings, 1 sick or failed, 2 bad usage, "
      "78 bad configuration.");
}

}  // namespace holdfast
