#include "cli/finding.h"

#include <gtest/gtest.h>

#include "cli/wording.h"

namespace holdfast {
namespace {

TEST(Chapter, IsAsBadAsTheWorstOfItsFindings) {
  Chapter chapter{.title = "One"};
  EXPECT_EQ(chapter.verdict(), Verdict::note);
  chapter.findings = {{.verdict = Verdict::healthy}, {.verdict = Verdict::warning}};
  EXPECT_EQ(chapter.verdict(), Verdict::warning);
  EXPECT_EQ(worst_of({chapter, {.title = "Two", .findings = {{.verdict = Verdict::sick}}}}),
            Verdict::sick);
  EXPECT_EQ(worst_of({}), Verdict::healthy);
}

TEST(Chapter, StandsInColumns) {
  const Chapter chapter{
      .title = "One",
      .findings = {
          {.verdict = Verdict::sick, .what = "It is.", .advice = "Mend it.", .details = {"here"}}}};
  EXPECT_EQ(chapter_text(chapter, Colour::never),
            "One\n"
            "  sick     It is.\n"
            "             here\n"
            "           Mend it.\n");
}

TEST(Chapter, BreaksLongLinesAtBlanks) {
  std::string what;
  for (int i = 0; i < 40; ++i) {
    what += "word ";
  }
  const std::string text = chapter_text({.title = "", .findings = {{.what = what}}}, Colour::never);
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t next = text.find('\n', at);
    EXPECT_LE(next - at, 100U);
    at = next + 1;
  }
  // What has no blanks stays whole.
  EXPECT_NE(
      chapter_text({.title = "", .findings = {{.what = std::string(200, 'x')}}}, Colour::never)
          .find(std::string(200, 'x')),
      std::string::npos);
}

TEST(Chapter, KeepsTogetherWhatStandsInQuotes) {
  const std::string what = std::string(85, 'x') + " range=\"10240 65535\" and more";
  EXPECT_NE(chapter_text({.title = "", .findings = {{.what = what}}}, Colour::never)
                .find("\n           range=\"10240 65535\" and more\n"),
            std::string::npos);
}

TEST(Chapter, HasColourOnlyWhereItIsWanted) {
  const Chapter chapter{.title = "One", .findings = {{.verdict = Verdict::sick}}};
  EXPECT_EQ(chapter_text(chapter, Colour::never).find('\x1b'), std::string::npos);
  EXPECT_NE(chapter_text(chapter, Colour::always).find("\x1b[1;31msick\x1b[0m"), std::string::npos);
}

TEST(Wording, SpeaksTimesAsPeopleSayThem) {
  EXPECT_EQ(spoken(400us), "0.4 ms");
  EXPECT_EQ(spoken(12ms), "12 ms");
  EXPECT_EQ(spoken(7s + 12ms), "7.0 s");
  EXPECT_EQ(spoken(75s), "75 s");
}

}  // namespace
}  // namespace holdfast
