#include "cli/doctor.h"

#include <ostream>
#include <vector>

#include "cli/doctor_report.h"
#include "cli/machine_checkup.h"

namespace holdfast {

int doctor(const DoctorOptions& options, const Outputs& outputs) {
  const MachineFacts machine = read_machine();
  const Diagnosis diagnosis{.machine = machine,
                            .chapters = {judge_machine(machine), not_worth_turning(machine)}};
  outputs.results << (options.json ? diagnosis_json(diagnosis)
                                   : diagnosis_text(diagnosis, outputs.results_colour));
  return exit_code_of(worst_of(diagnosis.chapters));
}

}  // namespace holdfast
