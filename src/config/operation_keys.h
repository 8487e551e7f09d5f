#pragma once

#include <array>

#include "config/rows.h"

namespace holdfast::keys {

// How holdfast is watched and stopped.

using enum FieldKind;

// clang-format off
inline constexpr auto operation_rows = std::to_array<Field>({
    {.path = "status", .line = "Where holdfast tells about itself: /livez, /readyz, /metrics; "
                               "read-only.",
     .foreign = "admin stats stub_status prometheus metrics health healthcheck"},
    {.path = "status.address", .kind = address_or_off,
     .slot = of_config<&Config::status, &StatusOptions::address>, .change = Change::restart,
     .line = "`off`, or `\"\"`, for none. If the default is taken by another program, holdfast "
             "says so and serves without.",
     .foreign = "admin_port stats_port status_address metrics_address bind"},
    {.path = "status.dashboard", .kind = choice,
     .slot = of_config<&Config::status, &StatusOptions::dashboard>, .choices = "false|true",
     .change = Change::restart,
     .line = "Show the pages for people also where the address is not of loopback.",
     .foreign = "stats_enable ui"},

    {.path = "log", .line = "The operational log, on standard error.",
     .foreign = "error_log logging logger logs"},
    {.path = "log.level", .kind = choice, .slot = of_config<&Config::log, &LogOptions::level>,
     .choices = "trace|debug|info|warn|error|off",
     .line = "The least important line that is shown.",
     .foreign = "verbosity verbose log_level"},
    {.path = "log.format", .kind = choice, .slot = of_config<&Config::log, &LogOptions::format>,
     .choices = "auto|text|json", .change = Change::restart,
     .line = "`auto` is text on a terminal and JSON elsewhere.", .foreign = "log_format encoding"},

    {.path = "access_log", .line = "A line for each request; see [Access log](#access-log).",
     .foreign = "accesslog accesslogs access_logs request_log requestlog"},
    {.path = "access_log.format", .kind = choice,
     .slot = of_config<&Config::access_log, &AccessLogOptions::format>,
     .choices = "off|combined|json|logfmt", .change = Change::restart,
     .line = "`combined` is that of nginx and Apache.",
     .foreign = "log_format encoding type log-format httplog"},
    {.path = "access_log.path", .kind = FieldKind::path,
     .slot = of_config<&Config::access_log, &AccessLogOptions::path>, .change = Change::restart,
     .line = "A file, opened anew after SIGUSR1, or `stdout`.",
     .foreign = "file filename filepath output target destination"},
    {.path = "access_log.sample", .kind = percentage,
     .slot = of_config<&Config::access_log, &AccessLogOptions::sample>, .range = {0, 100},
     .change = Change::restart,
     .line = "How many of the requests are logged. Failed and slow ones always are.",
     .foreign = "sampling ratio rate sample_rate runtime_filter statuscodes"},
    {.path = "access_log.slow", .kind = duration,
     .slot = of_config<&Config::access_log, &AccessLogOptions::slow>, .range = up_to_an_hour,
     .change = Change::restart, .line = "What takes as long is slow; 0 = nothing is.",
     .foreign = "min_duration minduration duration_filter slowlog slow_threshold threshold"},

    {.path = "shutdown", .line = "What happens between a signal to stop and the end.",
     .foreign = "graceful_shutdown drain termination"},
    {.path = "shutdown.delay", .kind = duration,
     .slot = of_config<&Config::shutdown, &ShutdownOptions::delay>, .range = up_to_an_hour,
     .line = "Go on accepting for so long after the signal.",
     .foreign = "drain_delay requestacceptgracetimeout shutdown_delay"},
    {.path = "shutdown.timeout", .kind = duration,
     .slot = of_config<&Config::shutdown, &ShutdownOptions::timeout>, .range = up_to_an_hour,
     .line = "Then finish what is under way within so long.",
     .foreign = "worker_shutdown_timeout hard_stop_after gracetimeout grace_period drain_time "
                "shutdown_timeout graceful_timeout"},
});
// clang-format on

}  // namespace holdfast::keys
