#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "net/address.h"
#include "net/loop.h"

namespace holdfast {

// Which addresses of a name are wanted.
enum class AddressFamily : std::uint8_t { any, ipv4, ipv6 };

// What is to be looked up. The port is part of each address of the answer.
struct Question {
  std::string host;
  std::uint16_t port = 0;
  AddressFamily family = AddressFamily::any;
};

// The name and the port of "host:port", or nothing if it has no such form.
[[nodiscard]] std::optional<Question> parse_question(std::string_view host_and_port);

// What came of it: addresses, each once, or why there are none, in words.
struct Answer {
  std::vector<SocketAddress> addresses;
  std::string error;
};

// Who asked a resolver.
class Asker {
 public:
  virtual void on_answer(std::uint64_t ticket, Answer answer) = 0;

 protected:
  ~Asker() = default;
};

// Looks up names without holding up the loop. The answer comes in a later turn, or never: whoever
// asks sets a time limit of his own.
class Resolver {
 public:
  // Returns the ticket that comes back with the answer; nothing if too many lookups are under way.
  [[nodiscard]] virtual std::optional<std::uint64_t> ask(const Question& question,
                                                         Asker& asker) = 0;

 protected:
  ~Resolver() = default;
};

struct Lookup;

// Asks the system, as the other programs of this machine do: hosts file, DNS, and whatever else
// nsswitch.conf names. Each lookup has a thread of its own: that call blocks, for as long as it
// likes and beyond any time limit, and one that hangs must hold up neither another name nor the end
// of the process. So nobody waits for these threads. Lives on its loop's thread.
class SystemResolver final : public Resolver {
 public:
  // So many lookups may hang before no more are begun.
  static constexpr std::size_t max_lookups = 32;

  explicit SystemResolver(Loop& loop) : loop_(loop) {}
  SystemResolver(const SystemResolver&) = delete;
  SystemResolver& operator=(const SystemResolver&) = delete;
  // Those under way come to nothing.
  ~SystemResolver();

  [[nodiscard]] std::optional<std::uint64_t> ask(const Question& question, Asker& asker) override;

 private:
  friend struct Lookup;
  void on_looked_up(Lookup& lookup);

  Loop& loop_;
  std::vector<Lookup*> lookups_;  // under way; each is let go by its thread and by this, in turn
  std::uint64_t last_ticket_ = 0;
};

// Looks up at once, on the caller's thread.
[[nodiscard]] Answer look_up(const Question& question);

}  // namespace holdfast
