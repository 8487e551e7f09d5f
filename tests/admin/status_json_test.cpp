#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "admin/status_numbers.h"
#include "proxy/trouble.h"

namespace holdfast {
namespace {

using testing::HasSubstr;
using testing::Not;

StatusNumbers two_servers() {
  StatusNumbers numbers;
  numbers.uptime = 90500ms;
  numbers.workers = 2;
  numbers.clients_open = 3;
  numbers.clients_opened = 1000;
  numbers.clients_limit = 16384;
  numbers.requests = 1200;
  numbers.answers = {{"200", 1190}, {"503", 10}};
  numbers.closed = {{Closer::backend, Retirement::closed_by_backend, 2},
                    {Closer::holdfast, Retirement::idle_timeout, 1}};
  numbers.errors = {{ErrorCode::connect_refused, 10}};
  numbers.listeners = {{"web", "0.0.0.0:8080", "legacy"}};
  ServerNumbers up{.server = "10.0.0.5:80", .state = ServerState::up};
  up.connections = {.open = {.active = 2, .idle = 1}, .limit = 256, .opened = 6, .reused = 1184};
  ServerNumbers aside{.server = "10.0.0.6:80", .state = ServerState::aside, .retry_in = 700ms};
  aside.connections = {.open = {.connecting = 1}, .limit = 256};
  const Error refused = make_error(ErrorCode::connect_refused);
  const Trouble trouble = trouble_of(refused, aside.server);
  aside.last_error = LastError{refused.code, fmt::format("{}", trouble), trouble.remedy, 1250ms};
  numbers.upstreams = {{"legacy", 4, 20ms, {up, aside}}};
  return numbers;
}

TEST(StatusJson, SaysWhatHoldfastIsAndSince) {
  EXPECT_THAT(status_json(two_servers()), HasSubstr(R"("schema":1,"version":")" HOLDFAST_VERSION
                                                    R"(","uptime_seconds":90.500,"workers":2,)"
                                                    R"("draining":false)"));
}

TEST(StatusJson, SaysWhatCameAndWhatBecameOfIt) {
  const std::string json = status_json(two_servers());
  EXPECT_THAT(json, HasSubstr(R"("clients":{"open":3,"opened_total":1000,"limit":16384})"));
  EXPECT_THAT(json, HasSubstr(R"("requests":{"total":1200,"by_code":{"200":1190,"503":10}})"));
  EXPECT_THAT(json, HasSubstr(R"("errors":[{"error":"connection_refused","text":"The backend )"
                              R"(refused the connection.","total":10}])"));
}

TEST(StatusJson, AddsUpTheConnectionsOfAllServers) {
  const std::string json = status_json(two_servers());
  EXPECT_THAT(
      json,
      HasSubstr(
          R"("backend_connections":{"connecting":1,"active":2,"idle":1,"resting":0,"draining":0,)"
          R"("limit":512,"opened_total":6,"reused_total":1184,"closed_total":3,)"
          R"("closed":[{"by":"backend","reason":"closed_by_backend","total":2,"resets":0},)"
          R"({"by":"holdfast","reason":"idle_timeout","total":1,"resets":0}]})"));
  EXPECT_THAT(json, HasSubstr(R"("waiting":{"requests":4,"oldest_seconds":0.020})"));
}

TEST(StatusJson, SaysOfAServerInWordsWhatWentWrongLast) {
  const std::string json = status_json(two_servers());
  EXPECT_THAT(json,
              HasSubstr(R"({"server":"10.0.0.5:80","state":"up","connecting":0,"active":2,)"
                        R"("idle":1,"resting":0,"draining":0,"limit":256,"opened_total":6,)"
                        R"("reused_total":1184,"verdict":"","limits":"","last_error":null,)"));
  EXPECT_THAT(json, HasSubstr(R"("state":"aside","retry_in_seconds":0.700,"connecting":1)"));
  EXPECT_THAT(
      json,
      HasSubstr(R"("last_error":{"error":"connection_refused","text":"The backend )"
                R"(refused the connection.","remedy":"Check that it runs and listens at this )"
                R"(address and port.","ago_seconds":1.250})"));
}

TEST(StatusJson, SaysWhatPortsAServerCosts) {
  StatusNumbers numbers = two_servers();
  numbers.upstreams[0].servers[0].ports = {.limit = 100, .live = 3, .time_wait = 40, .others = 2};
  numbers.upstreams[0].servers[0].ports_last = 12s;
  numbers.upstreams[0].servers[0].served_at_once = 4;
  const std::string json = status_json(numbers);
  EXPECT_THAT(json, HasSubstr(R"("suggested_max_connections":4,"ports":{"limit":100,"live":3,)"
                              R"("time_wait":40,"others":2,"exhausted_in_seconds":12.000}})"));
  EXPECT_THAT(json, HasSubstr(R"("suggested_max_connections":null,"ports":null})"));
}

TEST(StatusJson, SaysSinceWhenANameHasNoAddress) {
  StatusNumbers numbers = two_servers();
  ServerNumbers name{.server = "app.test:80", .state = ServerState::unresolved, .retry_in = 2s};
  name.unresolved_for = 12s;
  name.last_error = LastError{ErrorCode::name_unresolved, "Its name is not resolved", "Check", 1s};
  numbers.upstreams[0].servers = {name};
  EXPECT_THAT(status_json(numbers),
              HasSubstr(R"({"server":"app.test:80","state":"unresolved","retry_in_seconds":2.000,)"
                        R"("unresolved_seconds":12.000,"connecting":0,)"));
  name = {.server = "app.test:80", .state = ServerState::resolving};
  numbers.upstreams[0].servers = {name};
  EXPECT_THAT(status_json(numbers), HasSubstr(R"("state":"resolving","connecting":0,)"));
}

TEST(StatusJson, IsOneLineForAnEvent) {
  StatusNumbers numbers = two_servers();
  numbers.upstreams[0].name = "two\nlines";
  EXPECT_THAT(status_json(numbers), Not(HasSubstr("\n")));
}

}  // namespace
}  // namespace holdfast
