#pragma once

#include <signal.h>
#include <uv.h>

#include <functional>
#include <vector>

#include "net/loop.h"

namespace holdfast {

// Holds signals back in this thread, and in those it starts, for as long as it lives. What came
// meanwhile is delivered then.
class HeldSignals {
 public:
  explicit HeldSignals(const std::vector<int>& numbers);
  HeldSignals(const HeldSignals&) = delete;
  HeldSignals& operator=(const HeldSignals&) = delete;
  ~HeldSignals();

 private:
  sigset_t before_;
};

// Calls back on its loop's thread for each signal of a list, until stop().
class Signals {
 public:
  using Callback = std::function<void(int number)>;

  Signals(Loop& loop, const std::vector<int>& numbers, Callback callback);
  Signals(const Signals&) = delete;
  Signals& operator=(const Signals&) = delete;

  void stop();

 private:
  static void on_signal(uv_signal_t* from, int number);

  Callback callback_;
  std::vector<uv_signal_t> watchers_;  // sized once: libuv keeps their addresses
};

}  // namespace holdfast
