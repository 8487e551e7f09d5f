// Clients that leave in the middle of their answer, and what that costs.

#include "proxy/fake_world.h"

namespace holdfast {
namespace {

class SalvageTest : public ProxyTest {
 protected:
  // A client that has the head of its answer and a part of its body, and leaves.
  Far& leaves_after(std::string_view answer) {
    Far& far = client();
    far.sends(get);
    backend(backends() - 1).sends(answer);
    far.resets();
    return backend(backends() - 1);
  }
  std::uint64_t salvaged() { return endpoint().tally().salvaged; }
  std::size_t idle() { return endpoint().pool().idle(); }

  static constexpr std::string_view begun = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n0123";
};

TEST_F(SalvageTest, KeepsTheConnectionOfAClientThatLeavesNearTheEnd) {
  Far& far = leaves_after(begun);
  EXPECT_EQ(idle(), 0U);
  far.sends("456789");
  EXPECT_EQ(salvaged(), 1U);
  EXPECT_EQ(idle(), 1U);
}

TEST_F(SalvageTest, GivesNothingOfTheRestToTheNextClient) {
  Far& far = leaves_after(begun);
  Far& next = client();
  next.sends(get);  // over a connection of its own: the first is not free yet
  ASSERT_EQ(backends(), 2U);
  backend(1).sends(ok);
  EXPECT_EQ(next.got(), ok);
  far.sends("456789");
  EXPECT_EQ(next.got(), "");
  let_turns_pass();
  next.sends(get);
  far.sends(ok_of("mine"));
  EXPECT_EQ(next.got(), ok_of("mine"));
}

TEST_F(SalvageTest, ServesWhoWaitsForTheConnection) {
  upstream.pool.max_connections = 1;
  Far& far = leaves_after(begun);
  Far& next = client();
  next.sends(get);
  static_cast<void>(far.got());
  far.sends("456789");
  EXPECT_NE(far.got(), "");
  far.sends(ok_of("mine"));
  EXPECT_EQ(next.got(), ok_of("mine"));
}

TEST_F(SalvageTest, ReadsChunksToTheirEnd) {
  Far& far = leaves_after("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n");
  far.sends("3\r\ncde\r\n0\r\n\r\n");
  EXPECT_EQ(salvaged(), 1U);
  EXPECT_EQ(idle(), 1U);
}

TEST_F(SalvageTest, GivesUpAfterAQuarterOfASecond) {
  leaves_after(begun);
  advance(300ms);
  EXPECT_EQ(retired(Retirement::client_left), 1U);
  EXPECT_EQ(salvaged(), 0U);
}

TEST_F(SalvageTest, DoesNotWaitForALongBody) {
  leaves_after("HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n0123");
  EXPECT_EQ(retired(Retirement::client_left), 1U);
}

TEST_F(SalvageTest, GivesUpWhereChunksGoOn) {
  Far& far = leaves_after("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n");
  const std::string chunk = "8000\r\n" + std::string(0x8000, 'x') + "\r\n";
  far.sends(chunk);
  EXPECT_EQ(retired(Retirement::client_left), 0U);
  far.sends(chunk + chunk);
  EXPECT_EQ(retired(Retirement::client_left), 1U);
}

TEST_F(SalvageTest, DoesNotWaitForAnEndThatIsTheCloseItself) {
  leaves_after("HTTP/1.1 200 OK\r\n\r\n0123");
  EXPECT_EQ(retired(Retirement::client_left), 1U);
}

TEST_F(SalvageTest, DoesNotWaitForAnAnswerThatHasNotBegun) {
  Far& far = client();
  far.sends(get);
  far.resets();
  EXPECT_EQ(retired(Retirement::client_left), 1U);
}

TEST_F(SalvageTest, RetiresWhatSaysMoreThanItsAnswer) {
  Far& far = leaves_after(begun);
  far.sends("456789HTTP/1.1 200 OK\r\n");
  EXPECT_EQ(retired(Retirement::extra_bytes), 1U);
}

TEST_F(SalvageTest, RetiresWhatIsCutInTheRest) {
  Far& far = leaves_after(begun);
  far.sends("45");
  far.ends();
  EXPECT_EQ(retired(Retirement::client_left), 1U);
}

TEST_F(SalvageTest, KeepsWhatTheBackendKeepsOnly) {
  Far& far = leaves_after("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 4\r\n\r\n01");
  far.sends("23");
  EXPECT_EQ(retired(Retirement::closed_by_backend), 1U);
  EXPECT_EQ(idle(), 0U);
  far.ends();
}

TEST_F(SalvageTest, ResumesAConnectionThatASlowClientHadPaused) {
  Far& far = client();
  far.reads_nothing();
  far.sends(get);
  backend(0).sends(begun);
  EXPECT_FALSE(backend(0).wire.reading);
  far.resets();
  backend(0).sends("456789");
  EXPECT_EQ(salvaged(), 1U);
}

}  // namespace
}  // namespace holdfast
