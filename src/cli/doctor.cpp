#include "cli/doctor.h"

#include <fmt/format.h>

#include <algorithm>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

#include "cli/backend_checkup.h"
#include "cli/config_checkup.h"
#include "cli/config_source.h"
#include "cli/doctor_report.h"
#include "cli/machine_checkup.h"
#include "cli/wording.h"

namespace holdfast {
namespace {

void announce(const std::string& whom, const DoctorOptions& options, const Outputs& outputs) {
  outputs.diagnostics << fmt::format("holdfast doctor: asking {}{}\n", whom,
                                     options.probe.depth == ProbeSettings::Depth::fast
                                         ? ""
                                         : fmt::format("; to see how long idle connections live "
                                                       "takes up to {}, --fast skips it",
                                                       spoken(options.probe.limit)));
  outputs.diagnostics.flush();
}

void visit_backend(const DoctorOptions& options, Diagnosis& diagnosis) {
  BackendFacts facts = probe_backend(options.server, options.probe);
  Chapter chapter = judge_backend(facts, options.probe);
  if (facts.answers() && options.load.requests_per_second) {
    chapter.findings.push_back(judge_load(facts, options.load, diagnosis.machine));
  }
  diagnosis.advice = advise_pool(facts, options.load);
  diagnosis.backends.push_back(std::move(facts));
  diagnosis.chapters.push_back(std::move(chapter));
}

void visit_all(const std::string& name, const Config& config, const ProbeSettings& probe,
               Diagnosis& diagnosis) {
  std::vector<Chapter>& chapters = diagnosis.chapters;
  chapters.push_back(judge_config(name, config, diagnosis.machine));
  const std::vector<ConfiguredServer> servers = servers_of(config, probe);
  diagnosis.backends = probe_all(servers);
  for (std::size_t i = 0; i < servers.size(); ++i) {
    chapters.push_back(judge_server(servers[i], diagnosis.backends[i]));
  }
  Chapter ports = judge_port_needs(servers, diagnosis.backends, diagnosis.machine);
  if (!ports.findings.empty()) {
    chapters.push_back(std::move(ports));
  }
}

// What is well with the machine is told only to those who ask for nothing else.
Chapter without_what_is_well(Chapter chapter) {
  auto& findings = chapter.findings;
  const auto is_well = [](const Finding& finding) {
    return finding.verdict <= Verdict::healthy && finding.check != "local_ports";
  };
  const auto well = std::count_if(findings.begin(), findings.end(), is_well);
  findings.erase(std::remove_if(findings.begin(), findings.end(), is_well), findings.end());
  if (well > 0) {
    findings.push_back({.verdict = Verdict::healthy,
                        .check = "others",
                        .what = fmt::format("{} more; `holdfast doctor` alone shows them.", well)});
  }
  return chapter;
}

int doctor_of_config(const DoctorOptions& options, const Outputs& outputs, Diagnosis& diagnosis) {
  ConfigSource source;
  source.file = options.config;
  const LoadedConfig loaded = load_source(source, own_environment(), "");
  if (!loaded.outcome.config) {
    outputs.diagnostics << render_refusal(loaded, "holdfast doctor", outputs.colour);
    return loaded.exit_code_if_bad;
  }
  outputs.diagnostics << render_all(loaded.outcome, outputs.colour);
  announce("all backends of " + loaded.name, options, outputs);
  visit_all(loaded.name, *loaded.outcome.config, options.probe, diagnosis);
  return exit_ok;
}

}  // namespace

int doctor(const DoctorOptions& options, const Outputs& outputs) {
  Diagnosis diagnosis{.machine = read_machine()};
  const Chapter machine = judge_machine(diagnosis.machine);
  if (!options.config.empty()) {
    diagnosis.chapters.push_back(without_what_is_well(machine));
    if (const int failed = doctor_of_config(options, outputs, diagnosis); failed != exit_ok) {
      return failed;
    }
  } else if (!options.server.empty()) {
    diagnosis.chapters.push_back(without_what_is_well(machine));
    announce(options.server, options, outputs);
    visit_backend(options, diagnosis);
  } else {
    diagnosis.chapters = {machine, not_worth_turning(diagnosis.machine)};
  }
  outputs.results << (options.json ? diagnosis_json(diagnosis)
                                   : diagnosis_text(diagnosis, outputs.results_colour));
  return exit_code_of(worst_of(diagnosis.chapters));
}

}  // namespace holdfast
