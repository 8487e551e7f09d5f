#include <fmt/format.h>

#include <algorithm>

#include "admin/json_writer.h"
#include "admin/status_numbers.h"

namespace holdfast {
namespace {

constexpr int schema = 1;

std::string_view name_of(ServerState state) {
  switch (state) {
    case ServerState::untried:
      return "untried";
    case ServerState::up:
      return "up";
    case ServerState::aside:
      return "aside";
    case ServerState::draining:
      return "draining";
    case ServerState::resolving:
      return "resolving";
    case ServerState::unresolved:
      return "unresolved";
  }
  return "";
}

void write(JsonWriter& json, const ConnectionNumbers& connections) {
  json.member("connecting", connections.open.connecting);
  json.member("active", connections.open.active);
  json.member("idle", connections.open.idle);
  json.member("resting", connections.open.resting);
  json.member("draining", connections.open.draining);
  json.member("limit", connections.limit);
  json.member("opened_total", connections.opened);
  json.member("reused_total", connections.reused);
}

void write_clients(JsonWriter& json, const StatusNumbers& numbers) {
  json.object("clients", [&] {
    json.member("open", numbers.clients_open);
    json.member("opened_total", numbers.clients_opened);
    json.member("limit", numbers.clients_limit);
  });
  json.object("requests", [&] {
    json.member("total", numbers.requests);
    json.object("by_code", [&] {
      for (const AnswerCount& answer : numbers.answers) {
        json.member(answer.code, answer.total);
      }
    });
  });
}

void write_connections(JsonWriter& json, const StatusNumbers& numbers) {
  ConnectionNumbers all;
  std::uint64_t waiting = 0;
  Duration oldest{};
  for (const UpstreamNumbers& upstream : numbers.upstreams) {
    waiting += upstream.waiting;
    oldest = std::max(oldest, upstream.oldest_wait);
    for (const ServerNumbers& server : upstream.servers) {
      all.add(server.connections);
    }
  }
  std::uint64_t closed = 0;
  for (const CloseCount& count : numbers.closed) {
    closed += count.total;
  }
  json.object("backend_connections", [&] {
    write(json, all);
    json.member("closed_total", closed);
    json.array("closed", [&] {
      for (const CloseCount& count : numbers.closed) {
        json.object([&] {
          json.member("by", count.by == Closer::backend ? "backend" : "holdfast");
          json.member("reason", retirement_name(count.reason));
          json.member("total", count.total);
          json.member("resets", count.resets);
        });
      }
    });
  });
  json.object("waiting", [&] {
    json.member("requests", waiting);
    json.member("oldest_seconds", oldest);
  });
}

void write_errors(JsonWriter& json, const StatusNumbers& numbers) {
  json.array("errors", [&] {
    for (const ErrorCount& error : numbers.errors) {
      json.object([&] {
        json.member("error", error_row(error.code).name);
        json.member("text", error_row(error.code).text);
        json.member("total", error.total);
      });
    }
  });
}

void write_ports(JsonWriter& json, const ServerNumbers& server) {
  if (server.served_at_once == 0) {
    json.null("suggested_max_connections");
  } else {
    json.member("suggested_max_connections", std::uint64_t{server.served_at_once});
  }
  if (server.ports.limit == 0) {
    json.null("ports");
    return;
  }
  json.object("ports", [&] {
    json.member("limit", std::uint64_t{server.ports.limit});
    json.member("live", std::uint64_t{server.ports.live});
    json.member("time_wait", std::uint64_t{server.ports.time_wait});
    json.member("others", std::uint64_t{server.ports.others});
    if (server.ports_last) {
      json.member("exhausted_in_seconds", *server.ports_last);
    } else {
      json.null("exhausted_in_seconds");
    }
  });
}

void write_server(JsonWriter& json, const ServerNumbers& server) {
  json.member("server", server.server);
  json.member("state", name_of(server.state));
  if (server.state == ServerState::aside || server.state == ServerState::unresolved) {
    json.member("retry_in_seconds", server.retry_in);
  }
  if (server.state == ServerState::unresolved) {
    json.member("unresolved_seconds", server.unresolved_for);
  }
  write(json, server.connections);
  json.member("verdict", server.verdict);
  json.member("limits", server.limits);
  if (!server.last_error) {
    json.null("last_error");
    return;
  }
  const LastError& last = *server.last_error;
  json.object("last_error", [&] {
    json.member("error", error_row(last.code).name);
    json.member("text", fmt::format("{}.", last.what));
    json.member("remedy", fmt::format("{}.", last.remedy));
    json.member("ago_seconds", last.ago);
  });
}

void write_upstreams(JsonWriter& json, const StatusNumbers& numbers) {
  json.array("listeners", [&] {
    for (const ListenerNumbers& listener : numbers.listeners) {
      json.object([&] {
        json.member("name", listener.name);
        json.member("address", listener.address);
        json.member("upstream", listener.upstream);
      });
    }
  });
  json.array("upstreams", [&] {
    for (const UpstreamNumbers& upstream : numbers.upstreams) {
      json.object([&] {
        json.member("name", upstream.name);
        json.member("waiting", upstream.waiting);
        json.member("oldest_wait_seconds", upstream.oldest_wait);
        json.array("servers", [&] {
          for (const ServerNumbers& server : upstream.servers) {
            json.object([&] {
              write_server(json, server);
              write_ports(json, server);
            });
          }
        });
      });
    }
  });
}

}  // namespace

std::string status_json(const StatusNumbers& numbers) {
  JsonWriter json;
  json.object([&] {
    json.member("schema", schema);
    json.member("version", HOLDFAST_VERSION);
    json.member("uptime_seconds", numbers.uptime);
    json.member("workers", numbers.workers);
    json.member("draining", numbers.draining);
    write_clients(json, numbers);
    write_connections(json, numbers);
    write_errors(json, numbers);
    write_upstreams(json, numbers);
  });
  return json.text();
}

}  // namespace holdfast
