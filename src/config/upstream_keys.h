#pragma once

#include <array>

#include "config/rows.h"

namespace holdfast::keys {

// Below `upstreams`.

using enum FieldKind;
using U = UpstreamOptions;

// clang-format off
inline constexpr auto upstream_rows = std::to_array<Field>({
    {.path = "upstreams", .kind = names, .items = &upstreams_of_config, .need = Need::required,
     .line = "Groups of equal servers, by a name of your choice.",
     .foreign = "upstream backend backends clusters services databases servers"},
    {.path = "upstreams.*", .line = "One upstream."},
    {.path = "upstreams.*.servers", .kind = servers, .slot = of_upstream<&U::servers>,
     .need = Need::required,
     .line = "One or more `\"host:port\"` or `unix:/path`. A name stands for all of its addresses.",
     .foreign = "server endpoints hosts targets address addresses backends load_assignment "
                "loadbalancer urls proxy_pass host_port"},
    {.path = "upstreams.*.resolve",
     .line = "How servers that are given as names are looked up; the last good answer is kept.",
     .foreign = "resolver resolvers dns dns_lookup"},
    {.path = "upstreams.*.resolve.interval", .kind = duration,
     .slot = of_upstream<&U::resolve, &ResolveOptions::interval>,
     .range = {ns(100ms), ns(24h)}, .line = "Between two lookups of a name.",
     .foreign = "dns_refresh_rate hold_valid valid refresh ttl"},
    {.path = "upstreams.*.resolve.timeout", .kind = duration,
     .slot = of_upstream<&U::resolve, &ResolveOptions::timeout>, .range = {ns(100ms), ns(1h)},
     .line = "A lookup that takes longer has failed.",
     .foreign = "resolver_timeout timeout_resolve dns_query_timeout resolve_timeout"},
    {.path = "upstreams.*.resolve.family", .kind = choice,
     .slot = of_upstream<&U::resolve, &ResolveOptions::family>, .choices = "any|ipv4|ipv6",
     .line = "Which addresses of a name are used.",
     .foreign = "dns_lookup_family resolve_prefer ipv6 prefer_family"},
    {.path = "upstreams.*.protocol", .kind = choice, .slot = of_upstream<&U::protocol>,
     .choices = "auto|http/1.0|http/1.1",
     .line = "The version to speak; `auto` remembers what the server answers.",
     .foreign = "proxy_http_version http_version version"},
    {.path = "upstreams.*.host", .kind = host, .slot = host_of_upstream,
     .line = "The Host field sent: the client's (`preserve`), the server's address (`server`), or "
             "this literal name.",
     .foreign = "passhostheader pass_host_header host_rewrite host_rewrite_literal host_header "
                "sni"},
    {.path = "upstreams.*.balance", .kind = choice, .slot = of_upstream<&U::balance>,
     .choices = "round_robin|least_connections|random_two",
     .line = "Which server gets a request: the next in turn, the one with the fewest requests, or "
             "the one of two drawn at random that has fewer. Each worker counts its own requests.",
     .foreign = "least_conn leastconn roundrobin lb_policy lb_method load_balancing_policy "
                "lb_algorithm strategy random hash ip_hash"},
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
    {.path = "upstreams.*.pool.min_idle", .kind = count,
     .slot = of_upstream<&U::pool, &PoolLimits::min_idle>, .range = {0, million},
     .line = "So many idle connections are kept ready, of all workers, before anybody asks; they "
             "are made anew when the server has closed them.",
     .foreign = "min_pool_size minimumidle min_idle_connections minspareconnections "
                "pool_low_conn pool_min_conn preconnect_policy min_size"},
    {.path = "upstreams.*.pool.max_requests", .kind = count,
     .slot = of_upstream<&U::pool, &PoolLimits::max_requests>, .range = any_number,
     .line = "Requests for each connection; 0 = no limit.",
     .foreign = "keepalive_requests max_requests_per_connection max_reuse"},
    {.path = "upstreams.*.pool.idle_timeout", .kind = duration_or_auto,
     .slot = of_upstream<&U::pool, &PoolLimits::idle_timeout>, .range = up_to_a_day,
     .line = "An idle connection is not used any more after this, but left to the server to close "
             "(see `retire`). `auto` learns the server's own timeout and stays below it, at most "
             "60 s. 0 = no limit.",
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
    {.path = "upstreams.*.source_addresses", .kind = addresses,
     .slot = of_upstream<&U::source_addresses>,
     .line = "Addresses of this machine that connections come from, the one with the fewest used "
             "ports first; each has the whole range of ports for itself.",
     .foreign = "proxy_bind source bind bind_address source_address upstream_bind_config "
                "localaddr local_address outgoing_addr"},
    {.path = "upstreams.*.source_ports", .kind = ports, .slot = of_upstream<&U::source_ports>,
     .line = "The local ports of connections, as `40000-49999`, so that several programs on one "
             "machine do not share them (Linux 6.3; within `net.ipv4.ip_local_port_range`); `auto` "
             "= those of the system.",
     .foreign = "port_range local_port_range source_port_range"},
    {.path = "upstreams.*.retire", .kind = choice, .slot = of_upstream<&U::retire>,
     .choices = "auto|peer_first|fin|reset",
     .line = "How connections that are done with end. Whoever closes first keeps the port for a "
             "minute, so `peer_first` brings the server to close and waits for it; `auto` does so "
             "too and closes by a reset where that saves a port that is needed; `fin` and `reset` "
             "close at once.",
     .foreign = "nolinger httpclose so_linger reset_timedout_connection"},
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
});
// clang-format on

}  // namespace holdfast::keys
