#include "ports/socket_diag.h"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>

namespace holdfast {
namespace {

// A listening socket and a connection to it, over loopback.
class ADump : public testing::TestWithParam<int> {
 protected:
  ADump() : listening_(made()), near_(made()) {
    sockaddr_storage address{};
    address.ss_family = static_cast<sa_family_t>(GetParam());
    socklen_t size = sizeof address;
    if (GetParam() == AF_INET) {
      reinterpret_cast<sockaddr_in&>(address).sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    } else {
      reinterpret_cast<sockaddr_in6&>(address).sin6_addr = in6addr_loopback;
    }
    auto& raw = reinterpret_cast<sockaddr&>(address);
    if (bind(listening_, &raw, size) != 0 || listen(listening_, 1) != 0 ||
        getsockname(listening_, &raw, &size) != 0) {
      return;  // no such family here
    }
    destination_ = SocketEnd::of(raw);
    connected_ = connect(near_, &raw, size) == 0 && getsockname(near_, &raw, &size) == 0;
    own_port_ = SocketEnd::of(raw).port;
  }
  ~ADump() override {
    close(near_);
    close(listening_);
  }

  static int made() { return socket(GetParam(), SOCK_STREAM | SOCK_CLOEXEC, 0); }

  int listening_;
  int near_;
  SocketEnd destination_;
  std::uint16_t own_port_ = 0;
  bool connected_ = false;
};

TEST_P(ADump, FindsTheConnectionsToADestinationOnly) {
  if (!connected_) {
    GTEST_SKIP() << "no loopback of this family";
  }
  const auto found = dump_sockets(destination_);
  ASSERT_TRUE(found);
  ASSERT_EQ(found->size(), 1U);
  EXPECT_EQ(found->front().remote, destination_);
  EXPECT_EQ(found->front().local.port, own_port_);
  EXPECT_EQ(found->front().state, SocketState::established);
}

TEST_P(ADump, FindsEveryConnectionAndNoListener) {
  if (!connected_) {
    GTEST_SKIP() << "no loopback of this family";
  }
  const auto found = dump_sockets();
  ASSERT_TRUE(found);
  const auto both = std::count_if(found->begin(), found->end(), [&](const SocketEntry& entry) {
    return entry.remote == destination_ || entry.local == destination_;
  });
  EXPECT_EQ(both, 2);
}

INSTANTIATE_TEST_SUITE_P(Families, ADump, testing::Values(AF_INET, AF_INET6));

}  // namespace
}  // namespace holdfast
