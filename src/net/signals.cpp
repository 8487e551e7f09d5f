#include "net/signals.h"

#include "base/check.h"

namespace holdfast {

HeldSignals::HeldSignals(const std::vector<int>& numbers) {
  sigset_t held;
  sigemptyset(&held);
  for (const int number : numbers) {
    sigaddset(&held, number);
  }
  check(pthread_sigmask(SIG_BLOCK, &held, &before_) == 0, "signals can be held back");
}

HeldSignals::~HeldSignals() {
  check(pthread_sigmask(SIG_SETMASK, &before_, nullptr) == 0, "signals can be let through");
}

Signals::Signals(Loop& loop, const std::vector<int>& numbers, Callback callback)
    : callback_(std::move(callback)), watchers_(numbers.size()) {
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    check(uv_signal_init(&loop.uv_, &watchers_[i]) == 0, "libuv could not watch a signal");
    watchers_[i].data = this;
    check(uv_signal_start(&watchers_[i], on_signal, numbers[i]) == 0);
  }
}

void Signals::stop() {
  for (uv_signal_t& watcher : watchers_) {
    if (uv_is_closing(reinterpret_cast<uv_handle_t*>(&watcher)) == 0) {
      uv_close(reinterpret_cast<uv_handle_t*>(&watcher), nullptr);
    }
  }
}

void Signals::on_signal(uv_signal_t* from, int number) {
  static_cast<Signals*>(from->data)->callback_(number);
}

}  // namespace holdfast
