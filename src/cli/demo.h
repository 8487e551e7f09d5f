#pragma once

#include <cstdint>

namespace holdfast {

struct DemoOptions {
  // Each client takes up to four descriptors of this process, which has all ends in it.
  static constexpr unsigned max_concurrency = 1000;

  unsigned requests = 10000;
  unsigned concurrency = 50;
  std::uint16_t port = 8080;  // where it goes on serving; with `once` any free port is taken
  bool once = false;          // end after the table
  bool json = false;          // print the table as JSON and nothing else on standard output
};

// Runs the same load of short clients directly against a legacy HTTP/1.0 backend and through
// holdfast to another one, shows both side by side, and goes on serving until a signal ends it. All
// of it lives in this process, on 127.0.0.1. Returns the exit code: 1 if it could not start or if a
// request through holdfast failed, 2 if `concurrency` is not from 1 to max_concurrency.
[[nodiscard]] int demo(const DemoOptions& options);

}  // namespace holdfast
