#pragma once

#include <CLI/App.hpp>

#include "cli/doctor.h"

namespace holdfast {

extern const char* const about_doctor;

// The options of `holdfast doctor`; they fill `options`.
void add_doctor_options(CLI::App& app, DoctorOptions& options);

}  // namespace holdfast
