#pragma once

#include <cstdint>

namespace holdfast {

struct Context;

// How near its end something is that everybody needs. Each step includes those before it.
enum class Overload : std::uint8_t {
  none,
  shed,    // clients that rest are closed, the longest first; answers say `Connection: close`
  refuse,  // requests are answered with 503
  stop,    // nobody is accepted
};

// The step for so much in use of so much: sheds when less than 15 % is left, refuses below 5 %,
// stops below 2 %. Limits so small that these are less than one never come to a step. 0 = no limit.
[[nodiscard]] Overload overload_of(std::uint64_t used, std::uint64_t limit);

// The step that the worker's memory has come to: what it holds for clients, against its share of
// the process's budget.
[[nodiscard]] Overload memory_overload(const Context& context);

// What is counted of it: borrowed blocks, connections and exchanges. The kernel's buffers are not.
[[nodiscard]] std::uint64_t memory_held(const Context& context);

}  // namespace holdfast
