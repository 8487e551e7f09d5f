#include "cli/finding.h"

#include <fmt/format.h>

#include <algorithm>

namespace holdfast {
namespace {

constexpr std::size_t columns = 100;
constexpr std::size_t indent = 11;  // where the sentences begin

std::string_view colour_of(Verdict verdict) {
  switch (verdict) {
    case Verdict::note:
      return "\x1b[2m";
    case Verdict::healthy:
      return "\x1b[32m";
    case Verdict::warning:
      return "\x1b[33m";
    case Verdict::sick:
      return "\x1b[1;31m";
  }
  return "";
}

std::string painted(std::string_view text, Verdict verdict, Colour colour) {
  return colour == Colour::never ? std::string(text)
                                 : fmt::format("{}{}\x1b[0m", colour_of(verdict), text);
}

bool is_in_quotes(std::string_view text, std::size_t at) {
  return std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(at), '"') % 2 != 0;
}

// The last blank that a line may end at, else the first one behind; npos if there is none. What
// stands in quotes is to be copied as it is and stays together.
std::size_t break_of(std::string_view text) {
  std::size_t blank = text.rfind(' ', columns - indent);
  while (blank != std::string_view::npos && blank != 0 && is_in_quotes(text, blank)) {
    blank = text.rfind(' ', blank - 1);
  }
  return blank == std::string_view::npos || blank == 0 ? text.find(' ', columns - indent) : blank;
}

// Breaks a text into lines that begin at the indent; the first one is begun already.
std::string wrapped(std::string_view text) {
  std::string lines;
  while (indent + text.size() > columns) {
    const std::size_t blank = break_of(text);
    if (blank == std::string_view::npos) {
      break;
    }
    lines += fmt::format("{}\n{:{}}", text.substr(0, blank), "", indent);
    text.remove_prefix(blank + 1);
  }
  return fmt::format("{}{}\n", lines, text);
}

}  // namespace

std::string_view verdict_name(Verdict verdict) {
  switch (verdict) {
    case Verdict::note:
      return "note";
    case Verdict::healthy:
      return "healthy";
    case Verdict::warning:
      return "warning";
    case Verdict::sick:
      return "sick";
  }
  return "";
}

Verdict Chapter::verdict() const {
  Verdict worst = Verdict::note;
  for (const Finding& finding : findings) {
    worst = std::max(worst, finding.verdict);
  }
  return worst;
}

Verdict worst_of(const std::vector<Chapter>& chapters) {
  Verdict worst = Verdict::healthy;
  for (const Chapter& chapter : chapters) {
    worst = std::max(worst, chapter.verdict());
  }
  return worst;
}

std::string chapter_text(const Chapter& chapter, Colour colour) {
  std::string text = chapter.title + '\n';
  for (const Finding& finding : chapter.findings) {
    const std::string_view name = verdict_name(finding.verdict);
    text += fmt::format("  {}{:{}}{}", painted(name, finding.verdict, colour), "",
                        indent - 2 - name.size(), wrapped(finding.what));
    for (const std::string& detail : finding.details) {
      text += fmt::format("{:{}}  {}\n", "", indent, detail);
    }
    if (!finding.advice.empty()) {
      text += fmt::format("{:{}}{}", "", indent, wrapped(finding.advice));
    }
  }
  return text;
}

}  // namespace holdfast
