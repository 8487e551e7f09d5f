#pragma once

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

// Ends the process with the expression and its place on standard error. A broken invariant in a
// proxy that shares connections between strangers is answered by a crash, never by a mix-up.
[[noreturn]] void check_failed(const char* expression, const CodePlace& place);

// An invariant that holds in every build. The condition must have no side effect.
constexpr void check(bool holds, const char* expression = "invariant",
                     const CodePlace& place = CodePlace::current()) {
  if (!holds) [[unlikely]] {
    check_failed(expression, place);
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
