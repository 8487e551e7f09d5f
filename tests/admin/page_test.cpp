#include "admin/page.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "pool/retirement.h"

namespace holdfast {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(PageTest, IsOneWholeDocument) {
  const std::string page = render_page("n");
  EXPECT_EQ(page.rfind("<!doctype html>", 0), 0U);
  EXPECT_THAT(page, HasSubstr("</html>"));
}

TEST(PageTest, CarriesTheNonceOfItsAnswer) {
  const std::string page = render_page("0123abcd");
  EXPECT_THAT(page, HasSubstr("<script nonce=\"0123abcd\">"));
  EXPECT_THAT(page, HasSubstr("<style nonce=\"0123abcd\">"));
  EXPECT_THAT(page, Not(HasSubstr("@NONCE@")));
  EXPECT_THAT(page_policy("0123abcd"), HasSubstr("script-src 'nonce-0123abcd';"));
}

TEST(PageTest, MakesANonceOfItsOwnForEachAnswer) {
  const std::string nonce = make_nonce();
  EXPECT_EQ(nonce.size(), 32U);
  EXPECT_EQ(nonce.find_first_not_of("0123456789abcdef"), std::string::npos);
  EXPECT_NE(nonce, make_nonce());
}

// What the page needs is in it: a browser without a network shows it whole.
TEST(PageTest, AsksNobodyElseForAnything) {
  const std::string page = render_page("n");
  for (const char* reference : {"src=", "@import", "url(", "import ", "innerHTML", "style=\""}) {
    EXPECT_THAT(page, Not(HasSubstr(reference))) << reference;
  }
}

// A reason without words would be shown by its bare name.
TEST(PageTest, HasWordsForEveryReasonToCloseAConnection) {
  const std::string page = render_page("n");
  for (std::size_t i = 1; i < retirement_count; ++i) {
    const std::string name(retirement_name(static_cast<Retirement>(i)));
    EXPECT_TRUE(page.find(" " + name + ": \"") != std::string::npos) << name;
  }
}

}  // namespace
}  // namespace holdfast
