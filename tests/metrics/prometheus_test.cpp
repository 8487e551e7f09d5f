#include "metrics/prometheus.h"

#include <gtest/gtest.h>

#include "metrics/status_codes.h"

namespace holdfast {
namespace {

TEST(Prometheus, WritesAFamilyAndItsSamples) {
  PrometheusWriter writer;
  writer.family("requests_total", MetricKind::counter, "Requests.");
  writer.sample({{"code", "200"}, {"method", "GET"}}, std::uint64_t{3});
  writer.sample({}, 0.5);
  EXPECT_EQ(
      writer.take(),
      "# HELP holdfast_requests_total Requests.\n# TYPE holdfast_requests_total counter\n"
      "holdfast_requests_total{code=\"200\",method=\"GET\"} 3\nholdfast_requests_total 0.5\n");
}

TEST(Prometheus, EscapesWhatWouldEndAValue) {
  PrometheusWriter writer;
  writer.sample({{"server", "a\"b\\c\nd"}}, std::uint64_t{1});
  EXPECT_EQ(writer.take(), "{server=\"a\\\"b\\\\c\\nd\"} 1\n");
}

TEST(Prometheus, WritesBucketsThatIncludeTheirLimit) {
  PrometheusWriter writer;
  writer.family("wait_seconds", MetricKind::histogram, "Waits.");
  Histogram values;
  values.add(500);
  values.add(501);
  const std::uint64_t limits[] = {500, 1'000};
  writer.histogram({}, values, limits, 1e-6);
  EXPECT_EQ(writer.take(),
            "# HELP holdfast_wait_seconds Waits.\n# TYPE holdfast_wait_seconds histogram\n"
            "holdfast_wait_seconds_bucket{le=\"0.0005\"} 1\n"
            "holdfast_wait_seconds_bucket{le=\"0.001\"} 2\n"
            "holdfast_wait_seconds_bucket{le=\"+Inf\"} 2\n"
            "holdfast_wait_seconds_sum 0.001001\nholdfast_wait_seconds_count 2\n");
}

TEST(StatusCodes, AreCountedOneByOneOrByTheirClass) {
  EXPECT_EQ(counted_codes[code_slot(200)], 200);
  EXPECT_EQ(counted_codes[code_slot(404)], 404);
  EXPECT_EQ(counted_codes[code_slot(0)], 499);
  EXPECT_EQ(code_classes[code_slot(299) - counted_codes.size()], "2xx");
  EXPECT_EQ(code_classes[code_slot(999) - counted_codes.size()], "other");
  EXPECT_EQ(code_slot(99), code_slots - 1);
}

}  // namespace
}  // namespace holdfast
