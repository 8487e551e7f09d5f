#include "proxy/trouble.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

namespace holdfast {
namespace {

using enum ErrorCode;

enum class Kind : std::uint8_t { any, tcp, unix_socket };

// Says more than the row of the error: of one code, of one errno value (0: of all that have no row
// of their own), to one kind of server. The first that fits counts.
struct TroubleRow {
  ErrorCode code;
  int system;
  Kind kind;
  std::string_view what;
  std::string_view remedy;
};

constexpr std::string_view check_way =
    "Check the address, and the routes and firewalls on the way to it";
constexpr std::string_view check_backend = "Look into the backend's own log";

constexpr auto rows = std::to_array<TroubleRow>({
    {connect_refused, 0, Kind::unix_socket, "Nobody listens at its socket file",
     "Start the backend, and check that it listens at this path"},
    {connect_refused, 0, Kind::tcp, "The backend refused the connection",
     "Check that it runs and listens at this address and port"},
    {connect_timeout, 0, Kind::any, "The backend did not accept the connection in time", check_way},
    {connect_failed, ENOENT, Kind::unix_socket, "Its socket file does not exist",
     "Start the backend, or correct the path"},
    {connect_failed, ENOTDIR, Kind::unix_socket, "Its socket file does not exist",
     "A part of the path is no folder: correct it"},
    {connect_failed, EPROTOTYPE, Kind::unix_socket, "Its socket is not one for streams",
     "Correct the path, or have the backend listen with SOCK_STREAM"},
    {connect_failed, ENETUNREACH, Kind::any, "No route leads to the backend's network",
     "Check the address, and this machine's routes (ip route get)"},
    {connect_failed, EHOSTUNREACH, Kind::any, "The backend's machine cannot be reached",
     "Check that it is up, the address, and the routes and firewalls on the way to it"},
    {connect_failed, ECONNRESET, Kind::any, "The backend reset the connection at once",
     check_backend},
    {connect_failed, 0, Kind::any, "The backend could not be reached", check_way},
    {upstream_closed, 0, Kind::any, "The backend closed the connection without an answer",
     check_backend},
    {upstream_write_failed, 0, Kind::any, "The backend closed the connection in the request",
     check_backend},
    {malformed_response, 0, Kind::any, "The backend's answer is not valid HTTP/1.x",
     "Check that it speaks HTTP at this address, without TLS"},
    {response_timeout, 0, Kind::any, "The backend did not answer in time",
     "Look into the backend's own log, or raise timeouts.response"},
    {out_of_ports, 0, Kind::any, "This machine has no free local port",
     "Widen net.ipv4.ip_local_port_range, or look for who else opens connections (ss -s)"},
    {out_of_descriptors, 0, Kind::any, "This process has no free file descriptor",
     "Raise its limit (ulimit -n, LimitNOFILE=)"},
    {out_of_memory, 0, Kind::any, "There is no memory for a connection",
     "Lower the limits on connections, or give the machine more memory"},
    {local_failure, EACCES, Kind::unix_socket, "holdfast may not use its socket file",
     "Let holdfast's user write to it and enter its folder"},
    {local_failure, EPERM, Kind::any, "This machine forbids the connection",
     "Check its firewall and what confines holdfast"},
    {local_failure, EACCES, Kind::any, "This machine forbids the connection",
     "Check its firewall and what confines holdfast"},
    {local_failure, EAGAIN, Kind::unix_socket, "The queue of its socket is full",
     "The backend accepts too slowly: give it more workers or a longer backlog"},
});

}  // namespace

Trouble trouble_of(const Error& error, std::string_view server) {
  const Kind kind = server.starts_with("unix:") ? Kind::unix_socket : Kind::tcp;
  const auto row = std::find_if(rows.begin(), rows.end(), [&](const TroubleRow& candidate) {
    return candidate.code == error.code &&
           (candidate.system == error.system || candidate.system == 0) &&
           (candidate.kind == kind || candidate.kind == Kind::any);
  });
  if (row != rows.end() && (row->system != 0 || error.code != connect_failed)) {
    return {row->what, {}, row->remedy};
  }
  std::string_view what = row != rows.end() ? row->what : error_row(error.code).text;
  what.remove_suffix(what.ends_with('.') ? 1 : 0);
  const char* system = error.system != 0 ? strerrordesc_np(error.system) : nullptr;
  return {what, system != nullptr ? system : std::string_view{},
          row != rows.end() ? row->remedy : check_way};
}

}  // namespace holdfast
