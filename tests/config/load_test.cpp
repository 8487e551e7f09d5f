#include "config/load.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "config/environment.h"

namespace holdfast {
namespace {

Config load(const std::string& text) {
  const LoadOutcome outcome = load_text("test.yaml", text, nothing_set);
  EXPECT_TRUE(outcome.config) << render_all(outcome, Colour::never);
  return outcome.config.value_or(Config{});
}

std::string refusal_of(std::string text) {
  const LoadOutcome outcome = load_text("test.yaml", std::move(text), nothing_set);
  EXPECT_FALSE(outcome.config);
  return outcome.diagnostics.empty() ? "" : outcome.diagnostics.front().message;
}

const std::string minimal =
    "listeners: { web: { address: \":8080\", upstream: app } }\n"
    "upstreams: { app: { servers: [\"127.0.0.1:9000\"] } }\n";

TEST(Load, ReadsEveryKindOfValue) {
  const Config config = load(R"(
workers: auto
listeners:
  web:
    address: "[::1]:8080"
    upstream: app
    max_connections: 10
    max_requests: 1000000000000
    timeouts: { head: 1m30s, idle: 0 }
    half_close: serve
    limits: { head: 8k, fields: 256, body: 5g }
    trusted_peers: [10.0.0.0/8, "::1"]
upstreams:
  app:
    servers:
      - 127.0.0.1:9000
      - app.internal:80
    protocol: http/1.0
    host: www.example.test
    pool: { max_requests: 7, idle_timeout: 250ms, queue: { max: 5, timeout: 1s } }
log: { level: warn, format: json }
shutdown: { delay: 5s, timeout: 20s }
)");
  EXPECT_EQ(config.workers, 0U);
  const ListenerOptions& web = config.listeners.at(0);
  EXPECT_EQ(web.name, "web");
  EXPECT_EQ(web.address.text(), "[::1]:8080");
  EXPECT_EQ(web.upstream, "app");
  EXPECT_EQ(web.max_connections, 10U);
  EXPECT_EQ(web.max_requests, 1'000'000'000'000U);
  EXPECT_EQ(web.timeouts.head, 90s);
  EXPECT_EQ(web.timeouts.idle, 0s);
  EXPECT_EQ(web.half_close, HalfClose::serve);
  EXPECT_EQ(web.limits.head, 8192U);
  EXPECT_EQ(web.limits.fields, 256U);
  EXPECT_EQ(web.limits.body, 5ULL << 30);
  EXPECT_EQ(web.trusted_peers.size(), 2U);
  const UpstreamOptions& app = config.upstreams.at(0);
  EXPECT_EQ(app.servers, (std::vector<std::string>{"127.0.0.1:9000", "app.internal:80"}));
  EXPECT_EQ(app.protocol, ProtocolChoice::http10);
  EXPECT_EQ(app.host, HostChoice::literal);
  EXPECT_EQ(app.host_name, "www.example.test");
  EXPECT_EQ(app.pool.max_requests, 7U);
  EXPECT_EQ(app.pool.idle_timeout, 250ms);
  EXPECT_EQ(app.queue.max, 5U);
  EXPECT_EQ(app.queue.timeout, 1s);
  EXPECT_EQ(config.log.level, LogLevel::warn);
  EXPECT_EQ(config.log.format, LogFormat::json);
  EXPECT_EQ(config.shutdown.delay, 5s);
  EXPECT_EQ(config.shutdown.timeout, 20s);
}

TEST(Load, LetsMaxIdleFollowMaxConnections) {
  const std::string before =
      "listeners: { web: { address: \":80\", upstream: a } }\nupstreams: { a: ";
  const auto pool = [&](const std::string& text) {
    return load(before + "{ servers: [\"a:80\"], pool: " + text + " } }").upstreams.at(0).pool;
  };
  EXPECT_EQ(pool("{ max_connections: 1000 }").max_idle, 1000U);
  EXPECT_EQ(pool("{ max_connections: 10 }").max_idle, 10U);
  EXPECT_EQ(pool("{ max_connections: 10, max_idle: 3 }").max_idle, 3U);
  EXPECT_EQ(pool("").max_idle, PoolLimits{}.max_idle);
}

TEST(Load, TakesVariablesFromTheEnvironment) {
  const Environment environment = [](const std::string& name) {
    return name == "SERVER" ? std::optional<std::string>("10.0.0.5:80") : std::nullopt;
  };
  const LoadOutcome outcome = load_text("test.yaml",
                                        "listeners: { web: { address: \":80\", upstream: a } }\n"
                                        "upstreams: { a: { servers: [\"${SERVER}\"] } }\n",
                                        environment);
  ASSERT_TRUE(outcome.config);
  EXPECT_EQ(outcome.config->upstreams.at(0).servers.at(0), "10.0.0.5:80");
}

TEST(Load, ReportsAMissingFileWithoutALine) {
  const LoadOutcome outcome = load_file("/nonexistent/holdfast.yaml");
  EXPECT_FALSE(outcome.config);
  EXPECT_EQ(render_all(outcome, Colour::never),
            "/nonexistent/holdfast.yaml: error: cannot be read: No such file or directory\n");
}

TEST(Load, ReportsAFolder) {
  EXPECT_EQ(render_all(load_file("/"), Colour::never),
            "/: error: cannot be read: Is a directory\n");
}

TEST(Load, RefusesALargeText) {
  EXPECT_EQ(refusal_of(minimal + '#' + std::string(max_config_bytes, 'x')), "larger than 1m");
  EXPECT_EQ(refusal_of(std::string("a\0b", 3)), "not a text file: it holds a NUL byte");
}

// What would take exponential time or a deep stack elsewhere. ctest bounds the time.
TEST(Load, RefusesBombsInBoundedTime) {
  const auto repeated = [](std::string_view text) {
    std::string bomb;
    while (bomb.size() + text.size() <= max_config_bytes) {
      bomb += text;
    }
    return bomb;
  };
  for (const std::string_view text :
       {"[", "{",  "- ", "? ",   "{a: ",     "a: [", "[a, ", "- a\n", "x ",
        "'", "\"", "!",  "&a ",  "*a ",      "|\n",  "%\n",  "---\n", "a: 1\n",
        ",", "\t", ": ", "\xff", "\xf0\x9f", "\r",   "#"}) {
    EXPECT_FALSE(load_text("bomb.yaml", repeated(text), nothing_set).config) << text;
  }
}

TEST(Load, RefusesAByteOfRandomDamageWithoutFalling) {
  for (std::size_t at = 0; at < minimal.size(); ++at) {
    for (const char byte : {'\n', '\t', '{', '}', '[', '"', ':', '*', '&', '!', '\x80', '-', ' '}) {
      std::string damaged = minimal;
      damaged[at] = byte;
      const LoadOutcome outcome = load_text("test.yaml", damaged, nothing_set);
      EXPECT_TRUE(outcome.config || !outcome.diagnostics.empty()) << damaged;
    }
  }
}

TEST(Load, ShowsAPlaceInTheMiddleOfACharacter) {
  const Diagnostic diagnostic{Severity::error, "x.yaml", {1, 2, 1}, "bad"};
  EXPECT_EQ(render(diagnostic, "a\x92", Colour::never), "x.yaml:1:2: error: bad\n  a\x92\n   ^\n");
}

TEST(Load, ColoursOnlyOnDemand) {
  const LoadOutcome outcome = load_text("x.yaml", "bogus: 1\n", nothing_set);
  EXPECT_EQ(render_all(outcome, Colour::never).find('\x1b'), std::string::npos);
  EXPECT_NE(render_all(outcome, Colour::always).find("\x1b[1;31merror:"), std::string::npos);
}

TEST(QuickStart, NamesListenerAndUpstreamMain) {
  const LoadOutcome outcome =
      load_quick_start({":8080", {"127.0.0.1:9000", "app:80"}, "--listen", "--upstream"});
  ASSERT_TRUE(outcome.config);
  EXPECT_EQ(outcome.config->listeners.at(0).name, "main");
  EXPECT_EQ(outcome.config->listeners.at(0).address.text(), "0.0.0.0:8080");
  EXPECT_EQ(outcome.config->listeners.at(0).upstream, "main");
  EXPECT_EQ(outcome.config->upstreams.at(0).name, "main");
  EXPECT_EQ(outcome.config->upstreams.at(0).servers.size(), 2U);
}

TEST(QuickStart, ReportsAllThatIsWrong) {
  const LoadOutcome outcome = load_quick_start({"8080", {"app", "x:0"}, "--listen", "--upstream"});
  EXPECT_FALSE(outcome.config);
  EXPECT_EQ(outcome.diagnostics.size(), 3U);
  EXPECT_EQ(headline(outcome.diagnostics.front(), Colour::never),
            "--listen: error: '8080' is not an address to listen on; write :8080");
}

}  // namespace
}  // namespace holdfast
