#include "admin/health.h"

#include <gtest/gtest.h>

namespace holdfast {
namespace {

ServerNumbers server(std::string name, ServerState state) {
  return {.server = std::move(name), .state = state};
}

StatusNumbers with(std::vector<ServerNumbers> servers) {
  StatusNumbers numbers;
  numbers.upstreams = {{"legacy", 0, {}, std::move(servers)}};
  return numbers;
}

const std::string head = "[+] configuration: loaded\n[+] listeners: open\n";

TEST(Readiness, IsAboutHoldfastAndNotAboutServers) {
  ServerNumbers aside = server("10.0.0.5:80", ServerState::aside);
  aside.retry_in = 700ms;
  aside.last_error = LastError{ErrorCode::connect_refused, "It refused", "Start it", 1s};
  ServerNumbers unresolved = server("app.test:80", ServerState::unresolved);
  unresolved.unresolved_for = 12s;
  EXPECT_EQ(readiness_text(with({aside, unresolved})),
            head +
                "[+] draining: no\n"
                "[!] upstream legacy: 10.0.0.5:80: set aside, next try in 0.7 s. It refused. Start "
                "it\n"
                "[!] upstream legacy: app.test:80: without an address for 12.0 s, tried again now\n"
                "[!] upstream legacy: 0 of 2 servers in use; readiness does not depend on it\n"
                "ok\n");
}

TEST(Readiness, SaysThatANameIsBeingLookedUp) {
  EXPECT_EQ(readiness_text(with({server("10.0.0.5:80", ServerState::untried),
                                 server("app.test:80", ServerState::resolving)})),
            head +
                "[+] draining: no\n"
                "[!] upstream legacy: app.test:80: its name is being looked up\n"
                "[!] upstream legacy: 1 of 2 servers in use\n"
                "ok\n");
}

TEST(Readiness, EndsWithTheProcess) {
  StatusNumbers numbers = with({server("10.0.0.5:80", ServerState::up)});
  numbers.draining = true;
  EXPECT_EQ(readiness_text(numbers), head +
                                         "[-] draining: yes\n"
                                         "[+] upstream legacy: 1 of 1 servers in use\n"
                                         "draining: about to end\n");
}

}  // namespace
}  // namespace holdfast
