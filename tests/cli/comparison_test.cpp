#include "cli/comparison.h"

#include <gtest/gtest.h>

namespace holdfast {
namespace {

Comparison example() {
  Comparison comparison;
  comparison.requests = 100;
  comparison.concurrency = 5;
  comparison.direct = {{100, 0, 0, 0, 0, Duration(1s)}, 100, 90, 900};
  comparison.proxied = {{100, 0, 0, 0, 0, Duration(500ms)}, 4, 0, 996};
  comparison.port_range = 1000;
  comparison.client_time_wait = 95;
  return comparison;
}

TEST(Comparison, SetsTheRunsSideBySide) {
  EXPECT_EQ(comparison_table(example()),
            "100 requests, each on a connection of its own, 5 at a time\n"
            "\n"
            "                                      directly    through holdfast\n"
            "backend connections opened                 100                   4\n"
            "TIME_WAIT left at the backend               90                   0\n"
            "TIME_WAIT left at holdfast's port            -                  95\n"
            "free of 1000 local ports                   900                 996\n"
            "requests per second                        100                 200\n"
            "failed requests                              0                   0\n");
}

TEST(Comparison, SplitsFailuresByTheirKind) {
  Comparison comparison = example();
  comparison.direct.load = {97, 3, 0, 0, 0, Duration(1s)};
  const std::string table = comparison_table(comparison);
  EXPECT_NE(table.find("failed requests                              3                   0\n"
                       "  no local port                              3                   0\n"),
            std::string::npos);
}

TEST(Comparison, SaysWhatItCouldNotCount) {
  Comparison comparison = example();
  comparison.direct.time_wait = std::nullopt;
  EXPECT_NE(comparison_table(comparison).find("TIME_WAIT left at the backend          unknown"),
            std::string::npos);
  EXPECT_NE(comparison_json(comparison).find("\"time_wait\": null"), std::string::npos);
}

TEST(Comparison, IsOneJsonObject) {
  EXPECT_EQ(comparison_json(example()),
            "{\"requests\": 100, \"concurrency\": 5, \"port_range\": 1000, "
            "\"client_time_wait\": 95,\n"
            " \"direct\": {\"backend_connections\": 100, \"time_wait\": 90, "
            "\"requests_per_second\": 100, \"answered\": 100, \"failed\": 0, "
            "\"no_local_port\": 0, \"free_ports\": 900},\n"
            " \"proxied\": {\"backend_connections\": 4, \"time_wait\": 0, "
            "\"requests_per_second\": 200, \"answered\": 100, \"failed\": 0, "
            "\"no_local_port\": 0, \"free_ports\": 996}}\n");
}

TEST(Comparison, ProvesNoMoreThanWasMeasured) {
  EXPECT_EQ(comparison_verdict(example()),
            "Through holdfast, 100 of 100 short client connections were answered over 4 backend\n"
            "connections instead of 100, and left 0 TIME_WAIT at the backend instead of 90.\n");
}

}  // namespace
}  // namespace holdfast
