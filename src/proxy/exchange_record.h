#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/error.h"
#include "base/time.h"
#include "codec/http1/head.h"
#include "net/address.h"
#include "pool/retirement.h"

namespace holdfast {

class Endpoint;
class Upstream;
struct ListenerOptions;

// One request and what became of it: filled while its exchange runs, told once, at its end,
// whatever the end was. What it points to and all views are valid during the telling only. A time
// that never came is TimePoint{}; times are those of Clock::fine_now().
struct ExchangeRecord {
  const ListenerOptions* listener = nullptr;  // never null when told
  const Upstream* upstream = nullptr;         // null: refused before one was chosen
  const Endpoint* endpoint = nullptr;  // the last one tried; null: none, its names have no address
  const IpAddress* client = nullptr;   // never null when told
  std::uint64_t client_request = 0;    // its number on its client's connection, from 1
  // The head as it came, or what there was of one that was refused, and then perhaps more behind
  // it; empty if nothing was, or unless Context::keeps_heads.
  std::string_view head;
  http1::Method method = http1::Method::other;
  std::string_view request_id;  // that was made for it; empty: none, or it has its client's

  int status = 0;                   // of the answer that was begun; 0: there was none
  std::optional<ErrorCode> error;   // why it did not end as it should
  std::uint64_t request_bytes = 0;  // of the bodies, framing not counted
  std::uint64_t answer_bytes = 0;

  TimePoint started{};     // the first byte of the request
  TimePoint leased{};      // the connection was there, the last one if there were several
  TimePoint first_byte{};  // of an answer, an interim one included
  TimePoint ended{};       // never absent when told
  Duration waited{};       // in the queue for a connection
  Duration connect{};      // how long its connection took to open, if it was the first over it

  std::uint64_t connection = 0;          // the backend connection's number in this process; 0: none
  std::uint64_t connection_request = 0;  // the request's number on it, from 1
  // Why its connection was not used again, the last one's if there were several; none: it was, or
  // there is none.
  Retirement retired = Retirement::none;
  std::uint32_t tries = 0;  // connections and servers that it was tried with

  // Somebody was served over its connection before.
  [[nodiscard]] bool reused() const { return connection_request > 1; }
};

// Who is told of every exchange that has ended: an access log. Asked once per request, so it must
// be quick and never wait.
class ExchangeReader {
 public:
  virtual void on_exchange(const ExchangeRecord& record) = 0;

 protected:
  ~ExchangeReader() = default;
};

}  // namespace holdfast
