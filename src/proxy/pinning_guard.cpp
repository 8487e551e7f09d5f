#include "proxy/pinning_guard.h"

namespace holdfast {

// Where connections that have served before are slow too, the backend is slow and not pinned.
bool PinningGuard::look(const Sight& sight) {
  const bool is_odd = sight.stuck != 0 && sight.slow == 0 && sight.idle != 0;
  seen_ = is_odd ? seen_ + 1 : 0;
  if (seen_ != looks) {
    return false;
  }
  const bool is_news = served_ == 0;
  served_ = static_cast<std::uint32_t>(sight.served);
  return is_news;
}

}  // namespace holdfast
