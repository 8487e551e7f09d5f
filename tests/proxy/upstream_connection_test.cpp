#include "proxy/upstream_connection.h"

#include <type_traits>

#include "proxy/fake_world.h"

namespace holdfast {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::StartsWith;

static_assert(!std::is_copy_constructible_v<Lease> && !std::is_copy_assignable_v<Lease>);
static_assert(std::is_nothrow_move_constructible_v<Lease>);

class ALease : public ProxyTest {};

TEST_F(ALease, ThatIsDroppedRetiresItsConnection) {
  served_client();
  {
    const Lease lease = endpoint().try_lease();
    EXPECT_TRUE(lease);
    EXPECT_EQ(endpoint().pool().leased(), 1U);
  }
  EXPECT_EQ(retired(Retirement::client_left), 1U);
  EXPECT_EQ(endpoint().pool().leaving(), 1U);
}

TEST_F(ALease, MovesWithItsConnection) {
  served_client();
  Lease first = endpoint().try_lease();
  Lease second = std::move(first);
  EXPECT_TRUE(second);
  EXPECT_EQ(endpoint().pool().leased(), 1U);
  second.settle({.fault = Retirement::none, .reusable = true});
  EXPECT_FALSE(second);
  EXPECT_EQ(endpoint().pool().idle(), 1U);
}

TEST_F(ALease, IsEmptyWhenNothingIsIdle) {
  start();
  EXPECT_FALSE(endpoint().try_lease());
}

TEST_F(ALease, EndsOnce) {
  served_client();
  Lease lease = endpoint().try_lease();
  lease.retire(Retirement::timed_out);
  lease.retire(Retirement::timed_out);
  lease.settle({.fault = Retirement::none, .reusable = true});
  EXPECT_EQ(retired(Retirement::timed_out), 1U);
  EXPECT_EQ(endpoint().pool().leaving(), 1U);
}

class ABackendConnection : public ProxyTest {};

TEST_F(ABackendConnection, ReadsWhetherItIsBusyOrIdle) {
  served_client();
  EXPECT_TRUE(backend(0).wire.reading);
}

TEST_F(ABackendConnection, HoldsABlockOnlyForAHeadThatIsNotComplete) {
  Far& far = client();
  far.sends(get);
  backend(0).sends("HTTP/1.1 200 OK\r\nContent-Le");
  EXPECT_GT(worker().blocks.lent(), 0U);
  backend(0).sends("ngth: 3\r\n\r\na");
  EXPECT_EQ(worker().blocks.lent(), 0U);
  backend(0).sends("bc");
  EXPECT_THAT(far.got(), EndsWith("abc"));
}

TEST_F(ABackendConnection, TakesAHeadOfTheGreatestSizeInAnyPieces) {
  Far& far = client();
  far.sends(get);
  const std::string field = "X: " + std::string(60'000, 'x') + "\r\n";
  network.read_bytes = 1000;
  backend(0).sends("HTTP/1.1 200 OK\r\n" + field + "Content-Length: 100000\r\n\r\n" +
                   std::string(100'000, 'y'));
  const std::string answer = far.got();
  EXPECT_THAT(answer, HasSubstr(field));
  EXPECT_THAT(answer, EndsWith(std::string(100'000, 'y')));
  EXPECT_EQ(endpoint().pool().idle(), 1U);
}

TEST_F(ABackendConnection, TakesAFullReadBehindAHeadThatIsNotComplete) {
  Far& far = client();
  far.sends(get);
  const std::string head =
      "HTTP/1.1 200 OK\r\nX: " + std::string(60'000, 'x') + "\r\nContent-Length: 65000\r\n\r\n";
  backend(0).sends(head.substr(0, head.size() - 1));
  backend(0).sends(head.substr(head.size() - 1) + std::string(65'000, 'y'));
  EXPECT_THAT(far.got(), EndsWith(std::string(65'000, 'y')));
}

TEST_F(ABackendConnection, ForgetsAnIncompleteHeadThatNobodyWantsAnyMore) {
  Far& far = client();
  far.sends(get);
  backend(0).sends("HTTP/1.1 200 OK\r\nContent-Le");
  far.resets();
  EXPECT_EQ(worker().blocks.lent(), 0U);
}

TEST_F(ABackendConnection, ThatBreaksWhileItConnectsIsCounted) {
  server().refuses_later = ECONNRESET;
  Far& far = client();
  far.sends(get);
  EXPECT_THAT(far.got(), StartsWith("HTTP/1.1 503 "));
  EXPECT_EQ(retired(Retirement::connect_failed), 1U);
  EXPECT_EQ(shared().permits.taken(), 0U);
}

TEST_F(ABackendConnection, ThatComesUpAtItsDeadlineIsClosedOnce) {
  server().connects = FakeNetwork::Connects::when_told;
  Far& far = client();
  far.sends(get);
  backend(0).wire.connect_result = 0;
  clock.set(clock.now() + 4s);
  worker().timers.advance(clock.now());
  settle();
  EXPECT_THAT(far.got(), StartsWith("HTTP/1.1 504 "));
  EXPECT_TRUE(backend(0).wire.closed);
}

}  // namespace
}  // namespace holdfast
