#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "base/error.h"
#include "base/time.h"
#include "codec/http1/head.h"
#include "metrics/histogram.h"
#include "metrics/status_codes.h"
#include "pool/retirement.h"
#include "proxy/exchange_record.h"

namespace holdfast {

// What a worker counts of its parts. Plain numbers, written by its own thread only; whoever wants
// to see them has the worker copy them.

// For histograms of times. Rounded up, so that no time seems to be under a limit that it is over.
[[nodiscard]] constexpr std::uint64_t whole_microseconds(Duration time) {
  return time <= Duration::zero() ? 0 : (static_cast<std::uint64_t>(time.count()) + 999) / 1000;
}

// The requests of one listener to one upstream, by method and status.
struct RequestTally {
  static constexpr std::size_t methods = static_cast<std::size_t>(http1::Method::other) + 1;

  std::array<std::array<std::uint64_t, code_slots>, methods> counts{};

  void add(http1::Method method, int status) {
    ++counts[static_cast<std::size_t>(method)][code_slot(status)];
  }
  void add(const RequestTally& other) {
    for (std::size_t method = 0; method < methods; ++method) {
      for (std::size_t slot = 0; slot < code_slots; ++slot) {
        counts[method][slot] += other.counts[method][slot];
      }
    }
  }
};

// The requests of one upstream.
struct UpstreamTally {
  Histogram duration;  // microseconds, from a request's first byte to its answer's last
  Histogram waited;    // likewise, for a connection
  std::array<std::uint64_t, error_code_count> errors{};

  void count(const ExchangeRecord& record) {
    duration.add(whole_microseconds(record.ended - record.started));
    waited.add(whole_microseconds(record.waited));
    if (record.error) {
      ++errors[static_cast<std::size_t>(*record.error)];
    }
  }
  void add(const UpstreamTally& other) {
    duration.add(other.duration);
    waited.add(other.waited);
    for (std::size_t i = 0; i < errors.size(); ++i) {
      errors[i] += other.errors[i];
    }
  }
};

// Who closed a connection first.
enum class Closer : std::uint8_t { holdfast, backend };

// How it ended: by an end of stream from both sides, or by a reset from one. A connection that
// holdfast closed first by `fin` is in TIME_WAIT here afterwards, any other is not.
enum class Ending : std::uint8_t { fin, reset };

// The connections of one endpoint. What was opened is open, or closed, or moved to another worker:
// there it counts neither as opened nor, here, as closed.
struct EndpointTally {
  using Closed = std::array<std::uint64_t, retirement_count>;

  std::uint64_t opened = 0;
  std::uint64_t reuses = 0;  // requests over one that somebody had been served over
  std::uint64_t failed_attempts = 0;
  std::uint64_t salvaged = 0;  // leases whose client left, and whose connection was kept
  std::array<std::array<Closed, 2>, 2> closed{};  // by Closer, then by Ending
  Closed time_waits{};                            // of those, the ones that left a TIME_WAIT here
  Histogram connect;                              // microseconds
  Histogram first_byte;  // microseconds, from the lease to the answer's first byte
  Histogram requests;    // of the connections that are closed

  void count_closed(Closer closer, Ending ending, Retirement reason) {
    ++closed[static_cast<std::size_t>(closer)][static_cast<std::size_t>(ending)]
            [static_cast<std::size_t>(reason)];
  }
  [[nodiscard]] const Closed& closed_by(Closer closer, Ending ending) const {
    return closed[static_cast<std::size_t>(closer)][static_cast<std::size_t>(ending)];
  }
  void add(const EndpointTally& other) {
    opened += other.opened;
    reuses += other.reuses;
    failed_attempts += other.failed_attempts;
    salvaged += other.salvaged;
    for (std::size_t closer = 0; closer < closed.size(); ++closer) {
      for (std::size_t ending = 0; ending < closed[closer].size(); ++ending) {
        for (std::size_t reason = 0; reason < retirement_count; ++reason) {
          closed[closer][ending][reason] += other.closed[closer][ending][reason];
        }
      }
    }
    for (std::size_t reason = 0; reason < retirement_count; ++reason) {
      time_waits[reason] += other.time_waits[reason];
    }
    connect.add(other.connect);
    first_byte.add(other.first_byte);
    requests.add(other.requests);
  }
};

}  // namespace holdfast
