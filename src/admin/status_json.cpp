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
  }
  return "";
}

// The connections of one server, or of all.
struct Connections {
  std::uint64_t connecting = 0;
  std::uint64_t active = 0;
  std::uint64_t idle = 0;
  std::uint64_t draining = 0;
  std::uint64_t limit = 0;
  std::uint64_t opened = 0;
  std::uint64_t reused = 0;

  void add(const ServerNumbers& server) {
    connecting += server.connecting;
    active += server.active;
    idle += server.idle;
    draining += server.draining;
    limit += server.limit;
    opened += server.opened;
    reused += server.reused;
  }

  void write(JsonWriter& json) const {
    json.member("connecting", connecting);
    json.member("active", active);
    json.member("idle", idle);
    json.member("draining", draining);
    json.member("limit", limit);
    json.member("opened_total", opened);
    json.member("reused_total", reused);
  }
};

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
  Connections all;
  std::uint64_t waiting = 0;
  Duration oldest{};
  for (const UpstreamNumbers& upstream : numbers.upstreams) {
    waiting += upstream.waiting;
    oldest = std::max(oldest, upstream.oldest_wait);
    for (const ServerNumbers& server : upstream.servers) {
      all.add(server);
    }
  }
  std::uint64_t closed = 0;
  for (const CloseCount& count : numbers.closed) {
    closed += count.total;
  }
  json.object("backend_connections", [&] {
    all.write(json);
    json.member("closed_total", closed);
    json.array("closed", [&] {
      for (const CloseCount& count : numbers.closed) {
        json.object([&] {
          json.member("by", count.by == Closer::backend ? "backend" : "holdfast");
          json.member("reason", retirement_name(count.reason));
          json.member("total", count.total);
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

void write_server(JsonWriter& json, const ServerNumbers& server) {
  json.member("server", server.server);
  json.member("state", name_of(server.state));
  if (server.state == ServerState::aside) {
    json.member("retry_in_seconds", server.retry_in);
  }
  Connections own;
  own.add(server);
  own.write(json);
  if (!server.last_error) {
    json.null("last_error");
    return;
  }
  const ErrorRow& row = error_row(server.last_error->code);
  json.object("last_error", [&] {
    json.member("error", row.name);
    json.member("text", row.text);
    json.member("ago_seconds", server.last_error->ago);
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
            json.object([&] { write_server(json, server); });
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
