#pragma once

#include <string_view>

namespace holdfast {

// A place in our own code: what std::source_location is, which clang 14 lacks with this library.
struct CodePlace {
  const char* file;
  const char* function;
  unsigned line;

  static constexpr CodePlace current(const char* file = __builtin_FILE(),
                                     const char* function = __builtin_FUNCTION(),
                                     unsigned line = __builtin_LINE()) {
    return {file, function, line};
  }
};

// Ends the process with the expression and its place in the log, or on standard error before there
// is one; and, if anything is known about what broke, with that. A broken invariant in a proxy that
// shares connections between strangers is answered by a crash, never by a mix-up.
[[noreturn]] void check_failed(const char* expression, const CodePlace& place,
                               std::string_view about = {});

// An invariant that holds in every build. The condition must have no side effect.
constexpr void check(bool holds, const char* expression = "invariant",
                     const CodePlace& place = CodePlace::current()) {
  if (!holds) [[unlikely]] {
    check_failed(expression, place);
  }
}

// The same, where more can be said: describe() is called only when it is broken.
template <class Describe>
constexpr void check_about(bool holds, const char* expression, const Describe& describe,
                           const CodePlace& place = CodePlace::current()) {
  if (!holds) [[unlikely]] {
    check_failed(expression, place, describe());
  }
}

// An invariant that is too costly for the hot path; checked in debug builds only.
constexpr void debug_check([[maybe_unused]] bool holds,
                           [[maybe_unused]] const char* expression = "invariant",
                           [[maybe_unused]] const CodePlace& place = CodePlace::current()) {
#ifndef NDEBUG
  check(holds, expression, place);
#endif
}

}  // namespace holdfast
