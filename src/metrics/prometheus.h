#pragma once

#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "metrics/histogram.h"

namespace holdfast {

enum class MetricKind : std::uint8_t { counter, gauge, histogram };

struct Label {
  std::string_view name;
  std::string_view value;  // any text
};
using Labels = std::span<const Label>;

// Writes metrics in the Prometheus text format 0.0.4. All samples of a family follow its head.
class PrometheusWriter {
 public:
  // The name without the prefix that all have.
  void family(std::string_view name, MetricKind kind, std::string_view help);

  void sample(std::initializer_list<Label> labels, double value);
  void sample(std::initializer_list<Label> labels, std::uint64_t value);

  // The histogram under these limits. A value of the histogram is `unit` of what the family is in.
  void histogram(Labels labels, const Histogram& values, std::span<const std::uint64_t> limits,
                 double unit);

  [[nodiscard]] std::string take() { return std::move(text_); }

 private:
  void start(std::string_view suffix, Labels labels);

  std::string text_;
  std::string name_;
};

}  // namespace holdfast
