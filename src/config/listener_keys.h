#pragma once

#include <array>

#include "config/rows.h"

namespace holdfast::keys {

// Below `listeners`.

using enum FieldKind;
using L = ListenerOptions;
using R = RouteOptions;

// clang-format off
inline constexpr auto listener_rows = std::to_array<Field>({
    {.path = "listeners", .kind = names, .items = &listeners_of_config, .need = Need::required,
     .line = "Where clients call, by a name of your choice.",
     .foreign = "listen bind server frontend frontends entrypoints entry_points http ports"},
    {.path = "listeners.*", .line = "One listener."},
    {.path = "listeners.*.address", .kind = address, .slot = of_listener<&L::address>,
     .need = Need::required, .change = Change::restart,
     .line = "`127.0.0.1:8080`, `\"[::1]:8080\"`, `:8080` for all IPv4 addresses, or "
             "`unix:/run/holdfast.sock`.",
     .foreign = "listen bind port listen_addr listen_port"},
    {.path = "listeners.*.mode", .kind = mode, .slot = of_listener<&L::mode>, .range = {0, 0777},
     .change = Change::restart,
     .line = "Of the file of a Unix socket: who may write to it may connect.",
     .foreign = "permissions perm umask socket_mode listen.mode"},
    {.path = "listeners.*.upstream", .kind = FieldKind::upstream, .slot = of_listener<&L::upstream>,
     .need = Need::required, .instead = "routes",
     .line = "The upstream that gets the requests.",
     .foreign = "proxy_pass default_backend use_backend backend cluster service to"},
    {.path = "listeners.*.routes", .kind = maps, .items = &routes_of_listener,
     .instead = "upstream",
     .line = "Which upstream gets a request, by its host and path, in any order; see "
             "[Routes](#routes).",
     .foreign = "location locations rules virtual_hosts virtualhosts route paths use_backends map"},
    {.path = "listeners.*.routes.*", .line = "One route."},
    {.path = "listeners.*.routes.*.host", .kind = route_host, .slot = of_route<&R::host>,
     .line = "A host without port; `\"*.example.test\"` is any host below example.test. Any host "
             "if it is left out.",
     .foreign = "server_name hosts hostname hostnames domain domains host_regexp"},
    {.path = "listeners.*.routes.*.path", .kind = route_path, .slot = of_route<&R::path>,
     .line = "What the path begins with. Its last segment is whole: `/v1` is not the beginning of "
             "`/v10`.",
     .foreign = "prefix path_prefix pathprefix path_beg uri location url match"},
    {.path = "listeners.*.routes.*.upstream", .kind = FieldKind::upstream,
     .slot = of_route<&R::upstream>, .need = Need::required,
     .line = "The upstream that gets these requests.",
     .foreign = "proxy_pass backend cluster service to use_backend backend_refs"},
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
    {.path = "listeners.*.request_id", .kind = choice, .slot = of_listener<&L::request_id>,
     .choices = "auto|always|off",
     .line = "Who gets an `X-Request-ID`, the client's own if it is sane: requests that are logged "
             "and error responses (`auto`), each request and its response (`always`), or nobody.",
     .foreign = "generate_request_id unique_id_header unique_id_format requestid x_request_id"},
    {.path = "listeners.*.proxy_status", .kind = choice, .slot = of_listener<&L::proxy_status>,
     .choices = "off|on",
     .line = "Whether error responses of holdfast say why in `Proxy-Status` (RFC 9209).",
     .foreign = "proxy_status_config server_timing"},
    {.path = "listeners.*.trusted_peers", .kind = networks, .slot = of_listener<&L::trusted_peers>,
     .line = "Networks whose `X-Forwarded-*` fields are believed, as `10.0.0.0/8`.",
     .foreign = "set_real_ip_from trusted_proxies trusted_ips trustedips forwarded_headers"},
});
// clang-format on

}  // namespace holdfast::keys
