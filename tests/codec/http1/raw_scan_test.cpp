#include "codec/http1/raw_scan.h"

#include <gtest/gtest.h>

#include <random>
#include <string>

namespace holdfast::http1 {
namespace {

using Found = HeadScan::Found;

// The same rule in the plainest words: bytes that passed, and what ended the look at them.
Found plain_scan(std::string_view bytes, std::size_t& passed) {
  std::size_t line = 0;
  bool first_line = true;
  for (passed = 0; passed < bytes.size();) {
    const auto c = static_cast<unsigned char>(bytes[passed]);
    if (passed == line && (c == ' ' || c == '\t')) {
      return Found::refused;
    }
    if (c != '\r') {
      if ((c < 0x20 && c != '\t') || c == 0x7f) {
        return Found::refused;
      }
      ++passed;
      continue;
    }
    if (passed + 1 == bytes.size()) {
      return Found::need_more;
    }
    if (bytes[passed + 1] != '\n' || (passed == line && first_line)) {
      return Found::refused;
    }
    if (passed == line) {
      passed += 2;
      return Found::end;
    }
    first_line = false;
    passed += 2;
    line = passed;
  }
  return Found::need_more;
}

TEST(HeadScan, FindsTheEndOfAHead) {
  HeadScan scan;
  const std::string head = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
  EXPECT_EQ(scan.next(head + "rest"), Found::end);
  EXPECT_EQ(scan.position(), head.size());
  EXPECT_EQ(scan.start_line_bytes(), 14U);
}

TEST(HeadScan, GoesOnWhereItStopped) {
  HeadScan scan;
  const std::string head = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
  for (std::size_t size = 0; size < head.size(); ++size) {
    ASSERT_EQ(scan.next(head.substr(0, size)), Found::need_more) << size;
    // A CR is looked at again, since it means nothing without its LF; nothing else is.
    EXPECT_GE(scan.position() + 1, size);
  }
  EXPECT_EQ(scan.next(head), Found::end);
}

TEST(HeadScan, AgreesWithThePlainRuleOnRandomHeads) {
  const unsigned seed = std::random_device{}();
  RecordProperty("seed", std::to_string(seed));
  std::mt19937 random(seed);
  const std::string_view pieces[] = {
      "\r\n",   "\r\n",          "\r",   "\n",   " ",    "\t",
      "a",      "longer text: ", "\x7f", "\x1f", "\xff", std::string_view("\0", 1),
      "Host: a"};
  for (int round = 0; round < 20000; ++round) {
    std::string head = "GET / HTTP/1.1\r\n";
    const auto count = random() % 8;
    for (unsigned i = 0; i < count; ++i) {
      // Mostly harmless, so that the odd byte stands in all places.
      head += random() % 3 == 0 ? pieces[random() % std::size(pieces)] : pieces[5 + random() % 3];
      head += random() % 2 == 0 ? "x: y\r\n" : "";
    }
    head += random() % 2 == 0 ? "\r\n\r\n" : "";
    std::size_t passed = 0;
    const Found found = plain_scan(head, passed);
    HeadScan scan;
    ASSERT_EQ(scan.next(head), found) << "seed " << seed << ": " << head;
    ASSERT_EQ(scan.position(), passed) << "seed " << seed << ": " << head;
  }
}

}  // namespace
}  // namespace holdfast::http1
