#include "config/overrides.h"

#include <gtest/gtest.h>

#include <vector>

#include "config/environment.h"
#include "config/load.h"

namespace holdfast {
namespace {

// A listener "web" and the upstreams "my-app" and "other", with these variables.
LoadOutcome load_with(std::vector<const char*> variables,
                      const std::string& upstreams =
                          "upstreams:\n"
                          "  my-app: { servers: [\"a:80\"] }\n") {
  variables.push_back(nullptr);
  return load_text("test.yaml",
                   "listeners: { web: { address: \":8080\", upstream: my-app } }\n" + upstreams,
                   nothing_set, Overrides::from_variables(variables.data()));
}

std::string said(const LoadOutcome& outcome) { return render_all(outcome, Colour::never); }

TEST(VariableNames, FollowFromThePathOfTheKey) {
  EXPECT_EQ(variable_name("workers"), "HOLDFAST_WORKERS");
  EXPECT_EQ(variable_name("upstreams.my-app.pool.max_idle"),
            "HOLDFAST_UPSTREAMS_MY_APP_POOL_MAX_IDLE");
  EXPECT_EQ(variable_name("listeners.web.routes[0].host"), "HOLDFAST_LISTENERS_WEB_ROUTES_0_HOST");
}

TEST(Overrides, OverruleTheFile) {
  const LoadOutcome outcome =
      load_with({"HOLDFAST_UPSTREAMS_MY_APP_SERVERS=b:1, c:2", "HOLDFAST_LOG_LEVEL=debug",
                 "HOLDFAST_UPSTREAMS_MY_APP_POOL_QUEUE_TIMEOUT=1s",
                 "HOLDFAST_LISTENERS_WEB_ADDRESS=127.0.0.1:1", "PATH=/bin"});
  ASSERT_EQ(said(outcome), "");
  const Config& config = *outcome.config;
  EXPECT_EQ(config.upstreams.at(0).servers, (std::vector<std::string>{"b:1", "c:2"}));
  EXPECT_EQ(config.upstreams.at(0).queue.timeout, 1s);
  EXPECT_EQ(config.log.level, LogLevel::debug);
  EXPECT_EQ(config.listeners.at(0).address.text(), "127.0.0.1:1");
  EXPECT_EQ(outcome.origins.at("log.level"), "environment HOLDFAST_LOG_LEVEL");
  EXPECT_EQ(outcome.origins.at("listeners.web.upstream"), "test.yaml:1");
}

TEST(Overrides, GiveWhatTheFileLeavesOut) {
  EXPECT_EQ(said(load_with({"HOLDFAST_UPSTREAMS_MY_APP_SERVERS=b:1"}, "upstreams: { my-app: }\n")),
            "");
  EXPECT_EQ(said(load_with({}, "upstreams: { my-app: }\n")),
            "test.yaml:2:14: error: upstreams.my-app has no 'servers'\n"
            "  upstreams: { my-app: }\n"
            "               ^~~~~~\n");
}

TEST(Overrides, AreRefusedByTheirName) {
  EXPECT_EQ(said(load_with({"HOLDFAST_WORKERS=many"})),
            "HOLDFAST_WORKERS: error: 'many' is not a number; write digits only, without a unit\n");
  EXPECT_EQ(said(load_with({"HOLDFAST_UPSTREAMS_MY_APP_SERVERS=b:1,,c"})),
            "HOLDFAST_UPSTREAMS_MY_APP_SERVERS: error: '' is not a server; the port is missing: "
            "write host:port\n"
            "HOLDFAST_UPSTREAMS_MY_APP_SERVERS: error: 'c' is not a server; the port is missing: "
            "write host:port\n");
  EXPECT_EQ(said(load_with({"HOLDFAST_LISTENERS_WEB_UPSTREAM=my-ap"})),
            "HOLDFAST_LISTENERS_WEB_UPSTREAM: error: unknown upstream 'my-ap' in listeners.web; "
            "did you mean 'my-app'?\n");
}

TEST(Overrides, ThatNoKeyHasAreWarnedOf) {
  EXPECT_EQ(said(load_with({"HOLDFAST_WORKRES=2"})),
            "HOLDFAST_WORKRES: warning: no key of this configuration has this name; did you mean "
            "HOLDFAST_WORKERS?\n");
  EXPECT_EQ(
      said(load_with({"HOLDFAST_UPSTREAMS_MYAPP_POOL_MAX_IDLE=2"})),
      "HOLDFAST_UPSTREAMS_MYAPP_POOL_MAX_IDLE: warning: no key of this configuration has this "
      "name; did you mean HOLDFAST_UPSTREAMS_MY_APP_POOL_MAX_IDLE?\n");
  EXPECT_EQ(said(load_with({"HOLDFAST_PORT=8080"})),
            "HOLDFAST_PORT: warning: no key of this configuration has this name; 'holdfast config "
            "show --env' lists all\n");
}

TEST(Overrides, ThatMayMeanTwoKeysAreRefused) {
  EXPECT_EQ(
      said(load_with({"HOLDFAST_UPSTREAMS_MY_APP_HOST=a"},
                     "upstreams: { my-app: { servers: [\"a:80\"] }, MY_APP: { servers: [\"b:80\"] "
                     "} }\n"))
          .substr(0, 126),
      "HOLDFAST_UPSTREAMS_MY_APP_HOST: error: may mean upstreams.my-app.host or "
      "upstreams.MY_APP.host; give one of them another name\n");
}

TEST(Overrides, PassOverTheLinksOfKubernetes) {
  EXPECT_EQ(said(load_with({"HOLDFAST_PORT=tcp://10.0.0.1:80", "HOLDFAST_SERVICE_HOST=10.0.0.1",
                            "HOLDFAST_SERVICE_PORT=80", "HOLDFAST_SERVICE_PORT_HTTP=80",
                            "HOLDFAST_PORT_80_TCP_ADDR=10.0.0.1", "HOLDFAST_PORT_80_TCP=tcp://x"})),
            "");
}

TEST(Overrides, CountAsNotSetWhenTheyAreEmpty) {
  EXPECT_EQ(said(load_with({"HOLDFAST_WORKERS=", "HOLDFAST_NONSENSE="})), "");
}

TEST(Overrides, OfTheCommandLineComeFirst) {
  const char* const variables[] = {"HOLDFAST_WORKERS=3", nullptr};
  Overrides overrides = Overrides::from_variables(variables);
  overrides.set("workers", {"--workers", "2"});
  const LoadOutcome outcome =
      load_quick_start({":0", {"a:1"}, "--listen", "--upstream"}, overrides);
  ASSERT_TRUE(outcome.config);
  EXPECT_EQ(outcome.config->workers, 2U);
  EXPECT_EQ(outcome.origins.at("workers"), "command line --workers");
}

}  // namespace
}  // namespace holdfast
