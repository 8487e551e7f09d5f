#include "pool/patience.h"

#include <algorithm>

namespace holdfast {

// A queue that stands for a whole service time is no burst: there are too few connections for what
// is asked. And where the last one was lent longer ago than a service takes, none is expected.
std::size_t Patience::held_off(std::size_t waiting, std::size_t leased, Ports ports,
                               TimePoint now) const {
  const bool is_scarce = ports == Ports::scarce;
  const bool expected = service_ != Duration::zero() &&
                        service_ <= (is_scarce ? longest_while_scarce : longest) &&
                        now - last_lease_ <= service_ && now < over_at();
  return expected && (is_scarce || credit_ >= price) ? std::min(waiting, leased) : 0;
}

}  // namespace holdfast
