#pragma once

#include <cstddef>
#include <cstdint>

namespace holdfast {

// Notices a backend that gives each connection a process or thread of its own and has fewer of them
// than we have connections (prefork servers): the first few are served, and those beyond them are
// accepted by its kernel and then stand, though other connections rest. Fewer connections would
// serve more. Looks once a second at facts; knows no socket and no clock.
class PinningGuard {
 public:
  // What was seen at one look.
  struct Sight {
    std::size_t stuck = 0;   // new ones whose first answer is long overdue, and attempts likewise
    std::size_t slow = 0;    // others whose answer is
    std::size_t served = 0;  // that have been answered over
    std::size_t idle = 0;    // of those, how many rest
  };
  // So many looks in a row have to see it: a single slow answer is no sign.
  static constexpr unsigned looks = 3;

  // True once, when it is noticed.
  [[nodiscard]] bool look(const Sight& sight);

  // How many connections the backend served when it was last noticed; 0 if it never was.
  [[nodiscard]] std::uint32_t served() const { return served_; }

 private:
  unsigned seen_ = 0;  // in a row
  std::uint32_t served_ = 0;
};

}  // namespace holdfast
