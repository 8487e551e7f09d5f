#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "config/diagnostic.h"

namespace holdfast {

// How bad it is; a later one outweighs an earlier one.
enum class Verdict : std::uint8_t { note, healthy, warning, sick };

[[nodiscard]] std::string_view verdict_name(Verdict verdict);

// One thing that the doctor has looked at. `check` is its name for programs and stays as it is; the
// other texts are for people: one sentence what it is, one what to do about it.
struct Finding {
  Verdict verdict = Verdict::note;
  std::string check{};
  std::string what{};
  std::string advice{};
  std::vector<std::string> details{};  // a line each, below the sentence
};

// The findings about one thing: the machine, or a backend.
struct Chapter {
  std::string title;
  std::vector<Finding> findings{};

  [[nodiscard]] Verdict verdict() const;
};

// The worst of all; healthy if there is nothing to say.
[[nodiscard]] Verdict worst_of(const std::vector<Chapter>& chapters);

// The title and the findings, for people. Ends with a newline.
[[nodiscard]] std::string chapter_text(const Chapter& chapter, Colour colour);

}  // namespace holdfast
