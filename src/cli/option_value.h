#pragma once

#include <CLI/App.hpp>
#include <string>
#include <utility>

#include "base/time.h"
#include "config/scalars.h"

namespace holdfast {

// Adds an option, by its name and purpose. It takes the value that `read` understands, and refuses
// another in the words of a configuration.
template <class Read, class Take>
CLI::Option* add_value(CLI::App& app, std::pair<const char*, const char*> name_and_purpose,
                       Read read, Take take) {
  const auto apply = [read, take](const CLI::results_t& given) {
    const auto value = read(given.front());
    if (value) {
      take(*value);
    }
    return value.has_value();
  };
  const auto judge = [read](const std::string& text) -> std::string {
    const auto value = read(text);
    if (value) {
      return "";
    }
    return value.error().hint.empty() ? value.error().problem
                                      : value.error().problem + "; " + value.error().hint;
  };
  return app.add_option(name_and_purpose.first, apply, name_and_purpose.second)->check(judge);
}

// A time that somebody is ready to wait: from 1ms to 24h.
[[nodiscard]] Reading<Duration> read_patience(const std::string& text);

}  // namespace holdfast
