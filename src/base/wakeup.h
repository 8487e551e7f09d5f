#pragma once

#include <atomic>

namespace holdfast {

// Wakes one thread that sleeps until others have work for it. Ringing costs a system call only
// while it sleeps.
class Wakeup {
 public:
  Wakeup();
  Wakeup(const Wakeup&) = delete;
  Wakeup& operator=(const Wakeup&) = delete;
  ~Wakeup();

  // From any thread, after the work was put where the sleeper looks for it with one of its
  // sequentially consistent operations.
  void ring() {
    if (asleep_.load(std::memory_order_seq_cst) && asleep_.exchange(false)) {
      ring_loudly();
    }
  }
  // As ring(), but the sleeper hears it whether it has said that it sleeps or not.
  void ring_loudly();

  // --- The sleeper ---
  // Between these two it looks once more whether there is work, and then polls the descriptor.
  void fall_asleep() { asleep_.store(true, std::memory_order_seq_cst); }
  void wake_up();
  [[nodiscard]] int descriptor() const { return descriptor_; }  // readable once somebody has rung

 private:
  int descriptor_;
  std::atomic<bool> asleep_{false};
};

}  // namespace holdfast
