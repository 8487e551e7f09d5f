#pragma once

#include <gtest/gtest.h>

#include <string>

#include "net/gate.h"
#include "net/loop_thread.h"
#include "net/stream_side.h"

namespace holdfast {

// Bytes of which no two neighbouring stretches are alike.
inline std::string pattern(std::size_t bytes) {
  std::string made(bytes, '\0');
  for (std::size_t i = 0; i < bytes; ++i) {
    made[i] = static_cast<char>('a' + (i / 7 + i % 26) % 26);
  }
  return made;
}

// Two sides of one connection over loopback, on one loop. Neither reads before it is told to.
class TwoSides : public testing::Test {
 protected:
  void connect_both() {
    ASSERT_EQ(left.connect(gate.address()), 0);
    ASSERT_EQ(right.adopt(gate.accept()), 0);
    ASSERT_TRUE(left.hears(StreamEvent::connected));
    ASSERT_EQ(left.system(), 0);
  }

  // Writes until the kernel refuses; returns all that was written.
  std::string fill(StreamSide& side) {
    std::string sent;
    const std::string part = pattern(64 * 1024);
    for (int parts = 0; parts < 1000; ++parts) {
      const WriteOutcome outcome = side.write(part);
      sent += part;
      if (outcome != WriteOutcome::written) {
        EXPECT_EQ(outcome, WriteOutcome::pending);
        return sent;
      }
    }
    ADD_FAILURE() << "the kernel took everything";
    return sent;
  }

  LoopThread thread;
  Gate gate;
  StreamSide left{thread};
  StreamSide right{thread};
};

}  // namespace holdfast
