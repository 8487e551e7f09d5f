#include "metrics/prometheus.h"

#include <fmt/format.h>

#include <iterator>
#include <limits>
#include <vector>

namespace holdfast {
namespace {

constexpr std::string_view kind_names[] = {"counter", "gauge", "histogram"};

void add_escaped(std::string& text, std::string_view value) {
  for (const char byte : value) {
    if (byte == '\n') {
      text += "\\n";
    } else {
      if (byte == '\\' || byte == '"') {
        text += '\\';
      }
      text += byte;
    }
  }
}

}  // namespace

void PrometheusWriter::family(std::string_view name, MetricKind kind, std::string_view help) {
  // The process's own figures have the names that every program has for them.
  name_ = name.starts_with("process_") ? std::string(name) : fmt::format("holdfast_{}", name);
  fmt::format_to(std::back_inserter(text_), "# HELP {} {}\n# TYPE {} {}\n", name_, help, name_,
                 kind_names[static_cast<std::size_t>(kind)]);
}

void PrometheusWriter::start(std::string_view suffix, Labels labels) {
  text_ += name_;
  text_ += suffix;
  char before = '{';
  for (const Label& label : labels) {
    text_ += std::exchange(before, ',');
    text_ += label.name;
    text_ += "=\"";
    add_escaped(text_, label.value);
    text_ += '"';
  }
  text_ += labels.empty() ? " " : "} ";
}

void PrometheusWriter::sample(std::initializer_list<Label> labels, double value) {
  start("", {labels.begin(), labels.size()});
  if (value == std::numeric_limits<double>::infinity()) {
    text_ += "+Inf\n";
  } else {
    fmt::format_to(std::back_inserter(text_), "{}\n", value);
  }
}

void PrometheusWriter::sample(std::initializer_list<Label> labels, std::uint64_t value) {
  start("", {labels.begin(), labels.size()});
  fmt::format_to(std::back_inserter(text_), "{}\n", value);
}

void PrometheusWriter::histogram(Labels labels, const Histogram& values,
                                 std::span<const std::uint64_t> limits, double unit) {
  std::vector<Label> all(labels.begin(), labels.end());
  all.push_back({"le", ""});
  for (const std::uint64_t limit : limits) {
    const std::string text = fmt::format("{}", static_cast<double>(limit) * unit);
    all.back().value = text;
    start("_bucket", all);
    fmt::format_to(std::back_inserter(text_), "{}\n", values.count_up_to(limit));
  }
  const std::uint64_t count = values.count();
  all.back().value = "+Inf";
  start("_bucket", all);
  fmt::format_to(std::back_inserter(text_), "{}\n", count);
  start("_sum", labels);
  fmt::format_to(std::back_inserter(text_), "{}\n", static_cast<double>(values.sum()) * unit);
  start("_count", labels);
  fmt::format_to(std::back_inserter(text_), "{}\n", count);
}

}  // namespace holdfast
