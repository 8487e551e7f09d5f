#include "proxy/trouble.h"

#include <gtest/gtest.h>

#include <cerrno>

namespace holdfast {
namespace {

struct TroubleRow {
  Error error;
  std::string server;
  std::string what;
  std::string remedy_has;
};

Error of(ErrorCode code, int system = 0) { return make_error(code, system); }

TEST(Trouble, SaysWhatHappenedAndWhatToLookAt) {
  const TroubleRow rows[] = {
      {of(ErrorCode::connect_refused, ECONNREFUSED), "10.0.0.5:80",
       "The backend refused the connection", "runs and listens"},
      {of(ErrorCode::connect_refused, ECONNREFUSED), "unix:/run/app.sock",
       "Nobody listens at its socket file", "Start the backend"},
      {of(ErrorCode::connect_timeout), "10.0.0.5:80",
       "The backend did not accept the connection in time", "firewalls"},
      {of(ErrorCode::connect_timeout, ETIMEDOUT), "10.0.0.5:80",
       "The backend did not accept the connection in time", "firewalls"},
      {of(ErrorCode::connect_failed, ENOENT), "unix:/run/app.sock",
       "Its socket file does not exist", "correct the path"},
      {of(ErrorCode::connect_failed, ENOTDIR), "unix:/run/app.sock",
       "Its socket file does not exist", "no folder"},
      {of(ErrorCode::connect_failed, ENETUNREACH), "10.0.0.5:80",
       "No route leads to the backend's network", "ip route get"},
      {of(ErrorCode::connect_failed, EHOSTUNREACH), "10.0.0.5:80",
       "The backend's machine cannot be reached", "it is up"},
      {of(ErrorCode::connect_failed, EPROTO), "10.0.0.5:80",
       "The backend could not be reached (Protocol error)", "the address"},
      {of(ErrorCode::upstream_closed, ECONNRESET), "10.0.0.5:80",
       "The backend closed the connection without an answer", "own log"},
      {of(ErrorCode::out_of_ports, EADDRNOTAVAIL), "10.0.0.5:80",
       "This machine has no free local port", "ip_local_port_range"},
      {of(ErrorCode::local_failure, EACCES), "unix:/run/app.sock",
       "holdfast may not use its socket file", "user"},
      {of(ErrorCode::local_failure, ENOBUFS), "10.0.0.5:80",
       "The proxy could not open a connection to the backend (No buffer space available)", ""},
  };
  for (const TroubleRow& row : rows) {
    const Trouble trouble = trouble_of(row.error, row.server);
    EXPECT_EQ(fmt::format("{}", trouble), row.what);
    EXPECT_NE(trouble.remedy.find(row.remedy_has), std::string_view::npos) << trouble.remedy;
  }
}

// What happened and what to do are sentences without their full stop, and are said of every error.
TEST(Trouble, HasWordsForEveryError) {
  for (std::size_t i = 0; i < error_code_count; ++i) {
    for (const char* server : {"10.0.0.5:80", "unix:/run/app.sock"}) {
      for (const int system : {0, ENOENT, ECONNRESET}) {
        const Trouble trouble = trouble_of(of(static_cast<ErrorCode>(i), system), server);
        EXPECT_FALSE(trouble.what.empty() || trouble.remedy.empty());
        EXPECT_FALSE(trouble.what.ends_with('.') || trouble.remedy.ends_with('.'));
      }
    }
  }
}

}  // namespace
}  // namespace holdfast
