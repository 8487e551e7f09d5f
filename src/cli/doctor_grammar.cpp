#include "cli/doctor_grammar.h"

namespace holdfast {

const char* const about_doctor =
    R"(Look at this machine and at backends: are connections cheap here?

Examples:
  holdfast doctor
  holdfast doctor 10.0.0.5:80 --rps 200 --latency 50ms
  holdfast doctor -c /etc/holdfast/holdfast.yaml --json)";

void add_doctor_options(CLI::App& app, DoctorOptions& options) {
  app.add_flag("--json", options.json, "Print all of it as JSON");
}

}  // namespace holdfast
