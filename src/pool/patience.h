#pragma once

#include <cstddef>
#include <cstdint>

#include "base/time.h"

namespace holdfast {

// Whether those who wait had better wait for a connection to come back than have another one
// opened: the hold-off before a connect. A connection in use is expected back within about one
// service time (a moving average), and nobody is held off for longer. So that requests which come
// in step do not wait for each other again and again, only a few of a hundred may be held off;
// while ports are scarce all may. Knows no clock and no connection.
class Patience {
 public:
  // A hold-off is never longer; where a service takes longer there is none.
  static constexpr Duration longest = 20ms;
  static constexpr Duration longest_while_scarce = 250ms;

  enum class Ports : std::uint8_t { ample, scarce };

  // A connection was lent, one came back after its service, somebody waits where nobody did.
  void on_lease(TimePoint now) { last_lease_ = now; }
  void on_return(Duration service) {
    service_ += service_ == Duration::zero() ? service : (service - service_) / weight;
    credit_ = credit_ < most_credit ? credit_ + 1 : credit_;
  }
  void on_queue(TimePoint now) { queued_at_ = now; }
  // Somebody is held off.
  void spend() { credit_ = credit_ > price ? credit_ - price : 0; }

  // Of those who wait, how many are held off now: as many as connections are in use.
  [[nodiscard]] std::size_t held_off(std::size_t waiting, std::size_t leased, Ports ports,
                                     TimePoint now) const;
  // When that is to be asked again, if anybody is.
  [[nodiscard]] TimePoint over_at() const { return queued_at_ + service_; }

  // The moving average; 0 before the first.
  [[nodiscard]] Duration service() const { return service_; }

 private:
  static constexpr int weight = 8;
  // In services: what one hold-off takes, and how much can be saved up.
  static constexpr std::uint32_t price = 32;
  static constexpr std::uint32_t most_credit = 512;

  Duration service_{};
  TimePoint last_lease_{};
  TimePoint queued_at_{};
  std::uint32_t credit_ = most_credit;
};

}  // namespace holdfast
