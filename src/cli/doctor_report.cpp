#include "cli/doctor_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <string_view>

#include "admin/json_writer.h"
#include "cli/outputs.h"
#include "cli/wording.h"

namespace holdfast {
namespace {

constexpr std::size_t most_listed = 20;  // destinations

void write_number(JsonWriter& json, std::string_view name, std::optional<std::uint64_t> number) {
  if (number) {
    json.member(name, *number);
  } else {
    json.null(name);
  }
}

void write_ports(JsonWriter& json, const MachineFacts& facts) {
  const PortCensus& census = *facts.census;
  json.member("time_wait", census.time_wait_towards);
  json.member("time_wait_inbound", census.time_wait_at);
  json.array("destinations", [&] {
    for (std::size_t i = 0; i < std::min(census.destinations.size(), most_listed); ++i) {
      const DestinationPorts& destination = census.destinations[i];
      json.object([&] {
        json.member("from", end_text(destination.from));
        json.member("to", end_text(destination.to));
        json.member("time_wait", destination.time_wait);
        json.member("open", destination.open);
        json.member("reused_after_a_second", facts.reuses_time_wait(destination));
      });
    }
  });
}

void write_machine(JsonWriter& json, const MachineFacts& facts) {
  const KernelSettings& settings = facts.settings;
  write_number(json, "local_ports",
               facts.range ? std::optional<std::uint64_t>(facts.range->size()) : std::nullopt);
  write_number(json, "first_port", settings.first_port);
  write_number(json, "last_port", settings.last_port);
  json.member("time_wait_seconds", facts.time_wait_seconds());
  json.member("short_connections_per_second", facts.short_connections_per_second());
  if (facts.census) {
    write_ports(json, facts);
  }
  write_number(json, "tcp_tw_reuse", settings.tw_reuse);
  write_number(json, "tcp_max_tw_buckets", settings.max_tw_buckets);
  write_number(json, "time_wait_overflow", facts.counters.time_wait_overflow);
  write_number(json, "somaxconn", settings.somaxconn);
  write_number(json, "listen_overflows", facts.counters.listen_overflows);
  json.member("soft_descriptors", facts.soft_descriptors);
  json.member("hard_descriptors", facts.hard_descriptors);
  write_number(json, "conntrack", settings.conntrack_count);
  write_number(json, "conntrack_max", settings.conntrack_max);
}

void write_duration(JsonWriter& json, std::string_view name, std::optional<Duration> time) {
  if (time) {
    json.member(name, *time);
  } else {
    json.null(name);
  }
}

std::string_view framing_name(BodyKind body) {
  switch (body) {
    case BodyKind::none:
      return "none";
    case BodyKind::length:
      return "length";
    case BodyKind::chunked:
      return "chunked";
    case BodyKind::until_close:
      return "until_close";
  }
  return "";
}

void write_answer(JsonWriter& json, const BackendFacts& facts) {
  const ProbeAnswer& answer = facts.answer();
  json.member("version", answer.version == Version::http10 ? "1.0" : "1.1");
  json.member("status", answer.status);
  json.member("framing", framing_name(answer.body));
  json.member("latency", facts.latency());
  json.member("keeps_http11", facts.http11.again);
  json.member("keeps_http10", facts.http10.again);
  write_duration(json, "promised_idle", facts.promised_idle());
}

void write_backend(JsonWriter& json, const BackendFacts& facts) {
  json.member("server", facts.server);
  json.member("connected", facts.asked.has_value());
  json.member("answers", facts.answers());
  if (facts.answers()) {
    write_answer(json, facts);
  }
  write_number(json, "most_side_by_side",
               facts.most_side_by_side ? std::optional<std::uint64_t>(*facts.most_side_by_side)
                                       : std::nullopt);
  const bool has_idle_limit = facts.idle && !facts.idle->ages.empty();
  write_duration(json, "idle_limit",
                 has_idle_limit ? std::optional(facts.idle->ages.front()) : std::nullopt);
  write_duration(json, "idle_watched",
                 facts.idle ? std::optional(facts.idle->watched_for) : std::nullopt);
  const bool has_request_limit = facts.requests && facts.requests->ended;
  write_number(json, "request_limit",
               has_request_limit ? std::optional(facts.requests->answered) : std::nullopt);
}

void write_advice(JsonWriter& json, const PoolAdvice& advice) {
  json.object("pool", [&] {
    for (const PoolAdvice::Key& key : advice.keys) {
      json.member(key.name, key.value);
    }
  });
  json.member("yaml", advice.yaml());
}

void write_chapter(JsonWriter& json, const Chapter& chapter) {
  json.member("title", chapter.title);
  json.member("verdict", verdict_name(chapter.verdict()));
  json.array("findings", [&] {
    for (const Finding& finding : chapter.findings) {
      json.object([&] {
        json.member("check", finding.check);
        json.member("verdict", verdict_name(finding.verdict));
        json.member("what", finding.what);
        json.member("advice", finding.advice);
      });
    }
  });
}

std::string closing_line(const Diagnosis& diagnosis) {
  std::uint64_t warnings = 0;
  std::uint64_t sick = 0;
  for (const Chapter& chapter : diagnosis.chapters) {
    for (const Finding& finding : chapter.findings) {
      warnings += finding.verdict == Verdict::warning ? 1 : 0;
      sick += finding.verdict == Verdict::sick ? 1 : 0;
    }
  }
  if (sick == 0 && warnings == 0) {
    return "Healthy.\n";
  }
  return fmt::format("{}: {} sick, {}.\n", sick > 0 ? "Sick" : "Warning", sick,
                     counted(warnings, "warning"));
}

}  // namespace

std::string diagnosis_text(const Diagnosis& diagnosis, Colour colour) {
  std::string text;
  for (const Chapter& chapter : diagnosis.chapters) {
    text += chapter_text(chapter, colour) + '\n';
  }
  if (diagnosis.advice) {
    text += "Write into your configuration\n\n" + diagnosis.advice->yaml() + '\n';
  }
  return text + closing_line(diagnosis);
}

std::string diagnosis_json(const Diagnosis& diagnosis) {
  JsonWriter json;
  const Verdict verdict = worst_of(diagnosis.chapters);
  json.object([&] {
    json.member("verdict", verdict_name(verdict));
    json.member("exit_code", exit_code_of(verdict));
    json.object("machine", [&] { write_machine(json, diagnosis.machine); });
    json.array("chapters", [&] {
      for (const Chapter& chapter : diagnosis.chapters) {
        json.object([&] { write_chapter(json, chapter); });
      }
    });
    json.array("backends", [&] {
      for (const BackendFacts& backend : diagnosis.backends) {
        json.object([&] { write_backend(json, backend); });
      }
    });
    if (diagnosis.advice) {
      write_advice(json, *diagnosis.advice);
    }
  });
  return json.text() + '\n';
}

int exit_code_of(Verdict verdict) {
  switch (verdict) {
    case Verdict::note:
    case Verdict::healthy:
      return exit_ok;
    case Verdict::warning:
      return exit_warning;
    case Verdict::sick:
      return exit_failure;
  }
  return exit_failure;
}

}  // namespace holdfast
