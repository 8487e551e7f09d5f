// What ends the process rather than let it mix up strangers. Each test breaks one by hand.

#include "proxy/fake_world.h"

namespace holdfast {
namespace {

class AnInvariant : public ProxyTest {
 protected:
  UpstreamConnection& only_connection() {
    UpstreamConnection* found = nullptr;
    worker().connections.for_each([&](UpstreamConnection& one) { found = &one; });
    return *found;
  }
  Exchange& only_exchange() {
    Exchange* found = nullptr;
    worker().exchanges.for_each([&](Exchange& one) { found = &one; });
    return *found;
  }
  // The proxy itself only asks the pool; this moves a connection behind the endpoint's back.
  Pool<UpstreamConnection>& pool() {
    return const_cast<Pool<UpstreamConnection>&>(endpoint().pool());
  }
};

TEST_F(AnInvariant, OneExchangeAtATimeOnAConnection) {
  client().sends(get);
  EXPECT_DEATH(only_connection().owe(only_exchange(), http1::Method::get),
               "one exchange at a time on a connection.*10.0.0.1:80 is leased, 0 ms old, was "
               "leased 1 times, "
               "owes 1 answers.*last events: connecting connected parked leased");
}

TEST_F(AnInvariant, NothingIsOwedByAParkedConnection) {
  client().sends(get);
  EXPECT_DEATH(endpoint().give_back(only_connection(), {.reusable = true}),
               "a connection is parked while it owes an answer.*leased parked");
}

TEST_F(AnInvariant, NothingIsUnreadOnAParkedConnection) {
  client().sends(get);
  EXPECT_DEATH(
      {
        only_connection().answered(only_exchange(), true);
        endpoint().give_back(only_connection(), {.reusable = true});
      },
      "a connection is parked with bytes unread.*leased answered parked");
}

TEST_F(AnInvariant, NoAnswerIsUnfinishedOnAParkedConnection) {
  client().sends(get);
  EXPECT_DEATH(
      {
        only_connection().disown(only_exchange());
        endpoint().give_back(only_connection(), {.reusable = true});
      },
      "a connection is parked with bytes unread.*leased disowned parked");
}

TEST_F(AnInvariant, NothingIsUnsentOnAParkedConnection) {
  server().connects = FakeNetwork::Connects::when_told;
  client().sends(post_of("body"));
  backend(0).reads_nothing();
  backend(0).accepts();
  EXPECT_DEATH(
      {
        only_connection().answered(only_exchange(), false);
        endpoint().give_back(only_connection(), {.reusable = true});
      },
      "a connection is parked with bytes unsent.*[1-9][0-9]* bytes unsent");
  backend(0).reads_all();
}

TEST_F(AnInvariant, ALeasedConnectionOwesAnAnswer) {
  served_client();
  EXPECT_DEATH(
      {
        static_cast<void>(pool().lease());
        advance(2s);
      },
      "a leased connection owes one answer.*owes 0 answers");
}

TEST_F(AnInvariant, AConnectionThatWasOpenedIsInThePoolOrClosed) {
  served_client();
  EXPECT_DEATH(
      {
        pool().retire(only_connection());
        pool().forget(only_connection());
        advance(2s);
      },
      "a connection that was opened is in the pool or closed.*The books of 10.0.0.1:80: 1 opened, "
      "0 connecting, 0 leased, 0 pinned, 0 idle, 0 resting, 0 leaving, 0 closed; 1 permits");
}

TEST_F(AnInvariant, AConnectionThatIsHeldIsInThePool) {
  served_client();
  EXPECT_DEATH(
      {
        ++shared().held[0];
        advance(2s);
      },
      "a connection that is held is in the pool.*2 held");
}

TEST_F(AnInvariant, EachConnectionHasAPermit) {
  served_client();
  EXPECT_DEATH(
      {
        static_cast<void>(shared().permits.take());
        advance(2s);
      },
      "a connection has a permit.*2 permits of 256");
}

TEST_F(AnInvariant, WhoeverWaitsIsInAQueue) {
  served_client();
  EXPECT_DEATH(
      {
        ++shared().waiting;
        advance(2s);
      },
      "who waits is in a queue.*0 waiting, 1 of all workers");
}

TEST_F(AnInvariant, OfSeveralWorkersIsLookedOverToo) {
  worker_count = 2;
  client(0).sends(get);
  client(1).sends(get);
  advance(2s);
  EXPECT_DEATH(
      {
        ++shared().held[1];
        advance(2s);
      },
      "a connection that is held is in the pool");
}

TEST_F(AnInvariant, IsLookedOverOnlyWhileThereAreConnections) {
  served_client();
  backend(0).ends();
  advance(2s);
  ++shared().waiting;  // nobody looks
  advance(10s);
  --shared().waiting;
}

}  // namespace
}  // namespace holdfast
