#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>

// As in the product: libuv writes without MSG_NOSIGNAL, so a closed connection must not end us.
int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);
  testing::InitGoogleMock(&argc, argv);
  return RUN_ALL_TESTS();
}
