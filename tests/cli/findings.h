#pragma once

#include <algorithm>
#include <string_view>

#include "cli/finding.h"

namespace holdfast {

// What a chapter found in this check.
inline Finding finding(const Chapter& chapter, std::string_view check) {
  const auto at = std::find_if(chapter.findings.begin(), chapter.findings.end(),
                               [&](const Finding& one) { return one.check == check; });
  return at == chapter.findings.end() ? Finding{.check = "absent"} : *at;
}

}  // namespace holdfast
