#include "admin/verdict.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace holdfast {
namespace {

using testing::HasSubstr;

// A server whose connections were closed for this reason, each after one request.
EndpointReport used_once(Retirement reason) {
  EndpointReport endpoint;
  endpoint.counts.opened = 10;
  for (int i = 0; i < 10; ++i) {
    endpoint.counts.count_closed(Closer::backend, Ending::fin, reason);
  }
  return endpoint;
}

TEST(Verdict, SaysNothingOfAServerThatNobodyHasAsked) { EXPECT_EQ(verdict_of({}), ""); }

TEST(Verdict, SaysThatConnectionsAreUsedAgain) {
  EndpointReport endpoint;
  endpoint.counts.opened = 2;
  endpoint.counts.reuses = 198;
  EXPECT_EQ(verdict_of(endpoint), "connections are used again: 100 requests over each, so far");
}

TEST(Verdict, SaysWhyAServerCannotBePooledAndWhoPays) {
  EXPECT_EQ(verdict_of(used_once(Retirement::no_keep_alive)),
            "answers HTTP/1.0 without keep-alive: cannot be pooled; each request costs one "
            "connection; TIME_WAIT stays on the backend");
}

TEST(Verdict, HasASentenceForEachReasonOfTheBackends) {
  for (std::size_t i = 1; i < retirement_count; ++i) {
    const auto reason = static_cast<Retirement>(i);
    const bool says_nothing = reason == Retirement::connect_failed || reason == Retirement::moved ||
                              reason == Retirement::shutdown ||
                              reason == Retirement::address_removed;
    EXPECT_EQ(verdict_of(used_once(reason)).empty(), says_nothing) << retirement_name(reason);
  }
}

TEST(Verdict, LeavesOutWhatSaysNothingOfTheServer) {
  EndpointReport endpoint = used_once(Retirement::shutdown);
  endpoint.counts.count_closed(Closer::backend, Ending::fin, Retirement::close_delimited);
  EXPECT_THAT(verdict_of(endpoint), HasSubstr("ends its answers by closing"));
}

TEST(Verdict, TellsWhenAServerCloses) {
  EndpointReport endpoint;
  EXPECT_EQ(limits_of(endpoint), "");
  endpoint.closes_after_requests = 100;
  EXPECT_EQ(limits_of(endpoint), "closes connections every 100 requests");
  endpoint.closes_idle = 5s;
  EXPECT_EQ(limits_of(endpoint), "closes idle connections after 5.0 s, every 100 requests");
}

}  // namespace
}  // namespace holdfast
