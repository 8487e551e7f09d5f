#include "config/fields.h"

#include <algorithm>
#include <array>

namespace holdfast {
namespace {

constexpr std::uint64_t kib = 1024;
constexpr std::uint64_t mib = 1024 * kib;
constexpr std::uint64_t tib = 1024 * 1024 * mib;
constexpr std::uint64_t million = 1'000'000;

constexpr std::uint64_t ns(Duration duration) {
  return static_cast<std::uint64_t>(duration.count());
}
constexpr FieldRange up_to_an_hour{0, ns(1h)};
constexpr FieldRange up_to_a_day{0, ns(24h)};
constexpr FieldRange any_number{0, 1'000'000 * million};

template <auto... members>
FieldSlot of_config(const FieldTarget& target) {
  return &((*target.config).*....*members);
}

template <auto... members>
FieldSlot of_listener(const FieldTarget& target) {
  return &((*target.listener).*....*members);
}

template <auto... members>
FieldSlot of_upstream(const FieldTarget& target) {
  return &((*target.upstream).*....*members);
}

FieldSlot host_of_upstream(const FieldTarget& target) { return HostSlot{target.upstream}; }

using L = ListenerOptions;
using U = UpstreamOptions;
using enum FieldKind;

// clang-format off
constexpr auto table = std::to_array<Field>({
    {.path = "workers", .kind = workers, .slot = of_config<&Config::workers>,
     .range = {1, max_workers},
     .change = Change::restart,
     .line = "Threads. `auto` is one for each CPU that holdfast may use, cgroup quota included.",
     .foreign = "worker_processes nbthread threads nbproc concurrency"},
    {.path = "memory", .kind = size, .slot = of_config<&Config::memory>, .range = {0, tib},
     .change = Change::restart,
     .line = "What clients and requests may take up; near it, idle clients are closed, then "
             "requests refused, then nobody accepted. 0 = half of what the cgroup allows, if it "
             "limits.",
     .foreign = "max_memory memory_limit memlimit max_heap_size_bytes memory_max mem_limit"},

    {.path = "listeners", .kind = names, .need = Need::required,
     .line = "Where clients call, by a name of your choice.",
     .foreign = "listen bind server frontend frontends entrypoints entry_points http ports"},
    {.path = "listeners.*", .line = "One listener."},
    {.path = "listeners.*.address", .kind = address, .slot = of_listener<&L::address>,
     .need = Need::required, .change = Change::restart,
     .line = "`127.0.0.1:8080`, `\"[::1]:8080\"`, or `:8080` for all IPv4 addresses.",
     .foreign = "listen bind port listen_addr listen_port"},
    {.path = "listeners.*.upstream", .kind = FieldKind::upstream, .slot = of_listener<&L::upstream>,
     .need = Need::required, .line = "The upstream that gets the requests.",
     .foreign = "proxy_pass default_backend use_backend backend cluster service to"},
    {.path = "listeners.*.max_connections", .kind = count, .slot = of_listener<&L::max_connections>,
     .range = {1, million},
     .line = "Client connections open at a time; more wait in the kernel's queue.",
     .foreign = "maxconn worker_connections max_client_conn max_conns"},
    {.path = "listeners.*.max_requests", .kind = count, .slot = of_listener<&L::max_requests>,
     .range = any_number, .line = "Requests for each client connection; 0 = no limit.",
     .foreign = "keepalive_requests max_keepalive_requests max_requests_per_connection"},
    {.path = "listeners.*.timeouts", .line = "How long a client may take; 0 = no limit.",
     .foreign = "timeout"},
    {.path = "listeners.*.timeouts.head", .kind = duration,
     .slot = of_listener<&L::timeouts, &ClientTimeouts::head>, .range = up_to_an_hour,
     .line = "From the first byte of a request's head, or the accept, to the head's last byte.",
     .foreign = "client_header_timeout timeout_http_request request_headers_timeout "
                "readheadertimeout"},
    {.path = "listeners.*.timeouts.body", .kind = duration,
     .slot = of_listener<&L::timeouts, &ClientTimeouts::body>, .range = up_to_an_hour,
     .line = "Between two reads of a request's body.",
     .foreign = "client_body_timeout timeout_client readtimeout read_timeout request_timeout read"},
    {.path = "listeners.*.timeouts.write", .kind = duration,
     .slot = of_listener<&L::timeouts, &ClientTimeouts::write>, .range = up_to_an_hour,
     .line = "While the client takes none of its response.",
     .foreign = "send_timeout writetimeout write_timeout send"},
    {.path = "listeners.*.timeouts.idle", .kind = duration,
     .slot = of_listener<&L::timeouts, &ClientTimeouts::idle>, .range = up_to_a_day,
     .line = "Between two requests of a connection.",
     .foreign = "keepalive_timeout timeout_http_keep_alive idletimeout idle_timeout "
                "client_idle_timeout keep_alive"},
    {.path = "listeners.*.half_close", .kind = choice, .slot = of_listener<&L::half_close>,
     .choices = "abort|serve",
     .line = "A client that ends its side early has left (`abort`), or still gets its response "
             "(`serve`).",
     .foreign = "proxy_ignore_client_abort abortonclose"},
    {.path = "listeners.*.limits", .line = "How large a request may be."},
    {.path = "listeners.*.limits.head", .kind = size,
     .slot = of_listener<&L::limits, &ClientLimits::head>, .range = {kib, 64 * kib},
     .line = "Start line and fields of a request.",
     .foreign = "large_client_header_buffers client_header_buffer_size tune.bufsize header headers "
                "max_request_headers_kb maxheaderbytes header_size"},
    {.path = "listeners.*.limits.target", .kind = size,
     .slot = of_listener<&L::limits, &ClientLimits::target>, .range = {256, 64 * kib},
     .line = "The target (path and query) of a request.",
     .foreign = "uri url path limitrequestline"},
    {.path = "listeners.*.limits.fields", .kind = count,
     .slot = of_listener<&L::limits, &ClientLimits::fields>, .range = {1, 256},
     .line = "Fields in a request's head.",
     .foreign = "tune.http.maxhdr max_headers_count limitrequestfields max_headers"},
    {.path = "listeners.*.limits.body", .kind = size,
     .slot = of_listener<&L::limits, &ClientLimits::body>, .range = {0, tib},
     .line = "A request's body; 0 = no limit.",
     .foreign = "client_max_body_size max_body_size max_request_bytes limitrequestbody"},
    {.path = "listeners.*.limits.body_rate", .kind = size,
     .slot = of_listener<&L::limits, &ClientLimits::body_rate>, .range = {0, 64 * mib},
     .line = "The least a client must send of a body each second, after 5 s and in the mean; "
             "0 = no limit.",
     .foreign = "minrate minreqrate min_request_rate minrequestbodydatarate min_rate"},
    {.path = "listeners.*.limits.write_rate", .kind = size,
     .slot = of_listener<&L::limits, &ClientLimits::write_rate>, .range = {0, 64 * mib},
     .line = "The least a client must take of its response each second, in the mean of "
             "`timeouts.write`; 0 = no limit.",
     .foreign = "minresponsedatarate min_send_rate minresprate"},
    {.path = "listeners.*.trusted_peers", .kind = networks, .slot = of_listener<&L::trusted_peers>,
     .line = "Networks whose `X-Forwarded-*` fields are believed, as `10.0.0.0/8`.",
     .foreign = "set_real_ip_from trusted_proxies trusted_ips trustedips forwarded_headers"},

    {.path = "upstreams", .kind = names, .need = Need::required,
     .line = "Groups of equal servers, by a name of your choice.",
     .foreign = "upstream backend backends clusters services databases servers"},
    {.path = "upstreams.*", .line = "One upstream."},
    {.path = "upstreams.*.servers", .kind = servers, .slot = of_upstream<&U::servers>,
     .need = Need::required,
     .line = "One or more `\"host:port\"`. Names are resolved at the start.",
     .foreign = "server endpoints hosts targets address addresses backends load_assignment "
                "loadbalancer urls proxy_pass host_port"},
    {.path = "upstreams.*.protocol", .kind = choice, .slot = of_upstream<&U::protocol>,
     .choices = "auto|http/1.0|http/1.1",
     .line = "The version to speak; `auto` remembers what the server answers.",
     .foreign = "proxy_http_version http_version version"},
    {.path = "upstreams.*.host", .kind = host, .slot = host_of_upstream,
     .line = "The Host field sent: the client's (`preserve`), the server's address (`server`), or "
             "this literal name.",
     .foreign = "passhostheader pass_host_header host_rewrite host_rewrite_literal host_header "
                "sni"},
    {.path = "upstreams.*.pool", .line = "The connections kept to each server.",
     .foreign = "http_reuse connection_pool connectionpool circuit_breakers keep_alive"},
    {.path = "upstreams.*.pool.max_connections", .kind = count,
     .slot = of_upstream<&U::pool, &PoolLimits::max_connections>, .range = {1, million},
     .line = "Connections to each server at a time: connecting, in use and idle, of all workers.",
     .foreign = "maxconn max_conns pool_size default_pool_size max_db_connections maxconnsperhost "
                "max_pool_size size connection_limit"},
    {.path = "upstreams.*.pool.max_idle", .kind = count,
     .slot = of_upstream<&U::pool, &PoolLimits::max_idle>, .range = {0, million},
     .follows = "max_connections",
     .line = "How many of them are kept while idle. Below `max_connections` it costs churn.",
     .foreign = "keepalive maxidleconnsperhost maxidleconns max_idle_connections pool_max_conn "
                "max_idle_conns max_idle_conns_per_host"},
    {.path = "upstreams.*.pool.max_requests", .kind = count,
     .slot = of_upstream<&U::pool, &PoolLimits::max_requests>, .range = any_number,
     .line = "Requests for each connection; 0 = no limit.",
     .foreign = "keepalive_requests max_requests_per_connection max_reuse"},
    {.path = "upstreams.*.pool.idle_timeout", .kind = duration,
     .slot = of_upstream<&U::pool, &PoolLimits::idle_timeout>, .range = up_to_a_day,
     .line = "An idle connection is closed after this; below the server's own timeout is best. "
             "0 = no limit.",
     .foreign = "keepalive_timeout idleconntimeout idle_conn_timeout pool_purge_delay "
                "server_idle_timeout idle timeout_idle"},
    {.path = "upstreams.*.pool.max_age", .kind = duration,
     .slot = of_upstream<&U::pool, &PoolLimits::max_age>, .range = {0, ns(24h * 365)},
     .line = "A connection is retired at this age, give or take a tenth; 0 = no limit.",
     .foreign = "keepalive_time server_lifetime max_lifetime max_connection_duration max_life"},
    {.path = "upstreams.*.pool.queue",
     .line = "Requests that wait while all connections are in use."},
    {.path = "upstreams.*.pool.queue.max", .kind = count,
     .slot = of_upstream<&U::queue, &QueueOptions::max>, .range = {0, million},
     .line = "Waiting requests, for each server and worker; 0 = no limit of its own.",
     .foreign = "maxqueue max_pending_requests max_pending size"},
    {.path = "upstreams.*.pool.queue.timeout", .kind = duration,
     .slot = of_upstream<&U::queue, &QueueOptions::timeout>, .range = {ns(1ms), ns(1h)},
     .line = "A request that waited so long is answered with 503.",
     .foreign = "timeout_queue query_wait_timeout queue_timeout"},
    {.path = "upstreams.*.timeouts", .line = "How long a server may take; 0 = no limit.",
     .foreign = "timeout"},
    {.path = "upstreams.*.timeouts.connect", .kind = duration,
     .slot = of_upstream<&U::timeouts, &UpstreamTimeouts::connect>, .range = up_to_an_hour,
     .line = "Until the connection is open.",
     .foreign = "proxy_connect_timeout timeout_connect connect_timeout dialtimeout dial_timeout "
                "server_connect_timeout"},
    {.path = "upstreams.*.timeouts.response", .kind = duration,
     .slot = of_upstream<&U::timeouts, &UpstreamTimeouts::response>, .range = up_to_a_day,
     .line = "From the end of the request to the end of the response's head.",
     .foreign = "timeout_server responseheadertimeout response_header_timeout query_timeout "
                "first_byte_timeout request_timeout"},
    {.path = "upstreams.*.timeouts.read", .kind = duration,
     .slot = of_upstream<&U::timeouts, &UpstreamTimeouts::read>, .range = up_to_a_day,
     .line = "Between two reads of a response's body.",
     .foreign = "proxy_read_timeout read_timeout readtimeout between_bytes_timeout"},
    {.path = "upstreams.*.timeouts.write", .kind = duration,
     .slot = of_upstream<&U::timeouts, &UpstreamTimeouts::write>, .range = up_to_an_hour,
     .line = "While the server takes none of the request.",
     .foreign = "proxy_send_timeout send_timeout write_timeout writetimeout send"},
    {.path = "upstreams.*.limits", .line = "How large a response or a buffered request may be."},
    {.path = "upstreams.*.limits.head", .kind = size,
     .slot = of_upstream<&U::limits, &UpstreamLimits::head>, .range = {kib, 64 * kib},
     .line = "Status line and fields of a response.",
     .foreign = "proxy_buffer_size maxresponseheaderbytes headers header"},
    {.path = "upstreams.*.limits.chunked_body", .kind = size,
     .slot = of_upstream<&U::limits, &UpstreamLimits::chunked_body>, .range = {0, 64 * mib},
     .line = "A chunked request is buffered up to this for an HTTP/1.0 server.",
     .foreign = "client_body_buffer_size"},
    {.path = "upstreams.*.replay",
     .line = "Requests that are sent once more, over a fresh connection, because the server had "
             "closed the old one before it answered.",
     .foreign = "retry retries retry_policy proxy_next_upstream retry_on"},
    {.path = "upstreams.*.replay.methods", .kind = choice,
     .slot = of_upstream<&U::replay, &ReplayOptions::methods>, .choices = "safe|idempotent",
     .line = "`safe`: GET, HEAD and OPTIONS, without a body. `idempotent`: PUT and DELETE too, "
             "which the server may then execute twice.",
     .foreign = "retry_non_idempotent non_idempotent"},
    {.path = "upstreams.*.replay.body", .kind = size,
     .slot = of_upstream<&U::replay, &ReplayOptions::body>, .range = {0, 64 * kib},
     .line = "A PUT or DELETE with a larger body is not sent again.",
     .foreign = "per_request_buffer_limit_bytes maxrequestbodybytes buffering"},
    {.path = "upstreams.*.replay.budget", .kind = percentage,
     .slot = of_upstream<&U::replay, &ReplayOptions::budget>, .range = {0, 100},
     .line = "How many of the last 10000 requests (for each worker) may be sent again, and 10 a "
             "second in any case; `0%` = none.",
     .foreign = "retry_budget budget_percent percent_can_retry retryratio"},

    {.path = "log", .line = "The operational log, on standard error.",
     .foreign = "error_log logging logger logs"},
    {.path = "log.level", .kind = choice, .slot = of_config<&Config::log, &LogOptions::level>,
     .choices = "trace|debug|info|warn|error|off",
     .line = "The least important line that is shown.",
     .foreign = "verbosity verbose log_level"},
    {.path = "log.format", .kind = choice, .slot = of_config<&Config::log, &LogOptions::format>,
     .choices = "auto|text|json", .change = Change::restart,
     .line = "`auto` is text on a terminal and JSON elsewhere.", .foreign = "log_format encoding"},

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

// Other tools write keys in many ways: lower case and '_' for the '-' and blanks between words.
std::string normalised(std::string_view word) {
  std::string result(word);
  for (char& byte : result) {
    if (byte >= 'A' && byte <= 'Z') {
      byte = static_cast<char>(byte - 'A' + 'a');
    } else if (byte == '-' || byte == ' ') {
      byte = '_';
    }
  }
  return result;
}

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(separator), text.size());
    parts.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return parts;
}

std::string_view first_part(std::string_view path) { return path.substr(0, path.find('.')); }

// The first field that fits; one in the section of `path` is preferred to any other. The root
// belongs to no section.
template <class Fits>
const Field* find_near(std::string_view path, Fits fits) {
  const Field* elsewhere = nullptr;
  for (const Field& field : table) {
    const bool holds_path = path == field.path || path.starts_with(std::string(field.path) + '.');
    if (holds_path || !fits(field)) {
      continue;
    }
    const bool sections_fit =
        path.empty() ? path_above(field.path).empty() : first_part(field.path) == first_part(path);
    if (sections_fit) {
      return &field;
    }
    elsewhere = elsewhere == nullptr ? &field : elsewhere;
  }
  return elsewhere;
}

}  // namespace

std::span<const Field> fields() { return table; }

const Field* find_field(std::string_view path) {
  const auto* at = std::find_if(table.begin(), table.end(),
                                [path](const Field& field) { return field.path == path; });
  return at == table.end() ? nullptr : at;
}

std::string_view last_part(std::string_view path) {
  const std::size_t dot = path.rfind('.');
  return dot == std::string_view::npos ? path : path.substr(dot + 1);
}

std::string_view path_above(std::string_view path) {
  const std::size_t dot = path.rfind('.');
  return dot == std::string_view::npos ? std::string_view{} : path.substr(0, dot);
}

std::vector<std::string_view> keys_below(std::string_view path) {
  std::vector<std::string_view> keys;
  for (const Field& field : table) {
    if (path_above(field.path) == path) {
      keys.push_back(last_part(field.path));
    }
  }
  return keys;
}

std::vector<std::string_view> choices_of(const Field& field) { return split(field.choices, '|'); }

const Field* find_foreign(std::string_view word, std::string_view path) {
  const std::string sought = normalised(word);
  return find_near(path, [&](const Field& field) {
    const std::vector<std::string_view> words = split(field.foreign, ' ');
    return std::find(words.begin(), words.end(), sought) != words.end();
  });
}

const Field* find_misplaced(std::string_view key, std::string_view path) {
  return find_near(path, [&](const Field& field) { return last_part(field.path) == key; });
}

}  // namespace holdfast
