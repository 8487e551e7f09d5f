#include "config/foreign_words.h"

#include <algorithm>
#include <array>

#include "config/fields.h"

namespace holdfast {
namespace {

struct ForeignWords {
  std::string_view section;  // the first part of the paths it is said in; "" = all
  std::string_view words;    // separated by spaces
  std::string_view answer;
};

constexpr auto foreign_table = std::to_array<ForeignWords>({
    {"", "max_fails fail_timeout fall rise inter observe error_limit on_error outlier_detection",
     "a server that fails is set aside by itself, and tried again by itself"},
    {"upstreams",
     "check health health_check health_checks healthcheck healthchecks option_httpchk httpchk "
     "passhealthcheck",
     "servers are not checked: one that fails requests is set aside and tried again"},
    {"",
     "proxy_set_header proxy_pass_header proxy_hide_header add_header http_request http_response "
     "reqadd rspadd option_forwardfor forwardfor headers_to_add request_headers_to_add "
     "response_headers_to_add header_up header_down set_header customrequestheaders",
     "X-Forwarded-* and Via are added, 'upstreams.NAME.host' sets Host, and all else goes on as it "
     "came"},
    {"",
     "proxy_buffering proxy_request_buffering proxy_buffers proxy_busy_buffers_size "
     "proxy_max_temp_file_size proxy_temp_path option_http_buffer_request",
     "bodies are passed on as they come, and the slower side sets the pace"},
    {"",
     "option options option_http_server_close option_http_keep_alive option_httpclose "
     "option_forceclose option_http_tunnel option_prefer_last_server option_httplog "
     "option_dontlognull option_redispatch http_server_close",
     "there are no options; connections to servers are kept as 'upstreams.NAME.pool' says"},
    {"",
     "ssl ssl_certificate ssl_certificate_key ssl_protocols ssl_ciphers tls tls_context "
     "certificate "
     "certificates crt transport_socket certresolver",
     "holdfast speaks no TLS: put it behind something that ends TLS"},
    {"", "http2 http3 quic grpc h2 h2c http2_protocol_options websocket websockets upgrade_configs",
     "holdfast speaks HTTP/1.0 and HTTP/1.1, without upgrades"},
    {"", "weight backup down slow_start slowstart priority locality",
     "all servers are equal; 'upstreams.NAME.balance' says how they share the requests"},
    {"", "cookie sticky stick_table stick_on sessionaffinity session_affinity",
     "a request goes to any server; only logins by NTLM and Negotiate keep their connection"},
    {"",
     "proxy_cache proxy_cache_path proxy_cache_valid cache gzip gzip_types compression compress "
     "brotli",
     "holdfast neither caches nor compresses"},
    {"",
     "rewrite rewrites return redirect redirects try_files root index alias prefix_rewrite "
     "regex_rewrite stripprefix addprefix replacepath middlewares filters http_filters plugins",
     "a request goes on with the path it came with, and holdfast serves no files"},
    {"", "limit_req limit_conn limit_rate rate_limit rate_limits ratelimit rate_limit_sessions",
     "rates are not limited; 'max_connections' and 'pool.queue' limit what goes on at a time"},
    {"", "error_page errorfile errorfiles proxy_intercept_errors",
     "errors are a short text, or JSON for whoever asks for that"},
    {"", "allow deny auth_basic auth_request basicauth users",
     "holdfast lets everybody in: protect it by the network or by what stands before it"},
    {"", "user group daemon pid pidfile chroot ulimit_n worker_rlimit_nofile cpu_map",
     "whoever starts holdfast sets this, for example a unit of systemd"},
    {"", "include import includes conf_dir", "one file holds the whole configuration"},
    {"", "global defaults main events static_resources dynamic_resources",
     "there is no such block; its keys stand at the root, or in each listener and upstream"},
});

}  // namespace

std::string_view answer_to_foreign(std::string_view word, std::string_view path) {
  const std::string sought = ' ' + normalised_word(word) + ' ';
  const auto* row =
      std::find_if(foreign_table.begin(), foreign_table.end(), [&](const ForeignWords& candidate) {
        const std::string words = ' ' + std::string(candidate.words) + ' ';
        return path.starts_with(candidate.section) && words.find(sought) != std::string::npos;
      });
  return row == foreign_table.end() ? std::string_view() : row->answer;
}

}  // namespace holdfast
