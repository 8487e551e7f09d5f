#include "base/wakeup.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include "base/check.h"

namespace holdfast {

Wakeup::Wakeup() : descriptor_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  check(descriptor_ >= 0, "there is a descriptor to wake a thread by");
}

Wakeup::~Wakeup() { ::close(descriptor_); }

// It fails only when it has been rung 2^64 times unheard, and then it is readable.
void Wakeup::ring_loudly() { static_cast<void>(::eventfd_write(descriptor_, 1)); }

void Wakeup::wake_up() {
  asleep_.store(false, std::memory_order_seq_cst);
  eventfd_t rung = 0;
  static_cast<void>(::eventfd_read(descriptor_, &rung));  // nobody may have rung
}

}  // namespace holdfast
