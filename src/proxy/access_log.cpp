#include "proxy/access_log.h"

#include "base/error.h"
#include "net/clock.h"
#include "proxy/endpoint.h"
#include "proxy/request_id.h"

namespace holdfast {
namespace {

constexpr int first_server_error = 500;

AccessFacts facts_of(const ExchangeRecord& record) {
  AccessFacts facts;
  if (!record.head.empty()) {
    facts.request = http1::read_request_words(record.head);
  }
  if (!record.request_id.empty()) {
    facts.request_id = record.request_id;
  } else if (sane_request_id(facts.request.request_id)) {
    facts.request_id = facts.request.request_id;
  }
  facts.status = record.status;
  facts.bytes_in = record.request_bytes;
  facts.bytes_out = record.answer_bytes;
  facts.duration = record.ended - record.started;
  facts.tries = record.tries;
  if (record.connection != 0) {
    facts.wait = record.waited;
    facts.connection = record.connection;
    facts.request_of_it = record.connection_request;
    facts.reused = record.reused();
    if (record.connect != Duration::zero()) {
      facts.connect = record.connect;
    }
  }
  if (record.retired != Retirement::none) {
    facts.retired = retirement_name(record.retired);
  }
  if (record.first_byte != TimePoint{}) {
    facts.first_byte = record.first_byte - record.started;
  }
  if (record.endpoint != nullptr) {
    facts.upstream = record.endpoint->options().name;
    facts.server = record.endpoint->authority();
  }
  if (record.error) {
    facts.error = error_row(*record.error).name;
  }
  return facts;
}

}  // namespace

AccessLog::AccessLog(const AccessLogOptions& options, LogLane& lane, std::uint64_t seed)
    : options_(options), lane_(lane), line_(options.format), random_state_(seed) {}

void AccessLog::on_exchange(const ExchangeRecord& record) {
  if (!chooses(record)) {
    return;
  }
  AccessFacts facts = facts_of(record);
  char address[IpAddress::max_text];
  facts.client = record.client->write_text(address);
  facts.ended = wall_time(record.ended);
  lane_.put({room_.get(), line_.write(facts, {room_.get(), AccessLine::max_bytes})});
}

// What went wrong or was slow is always logged.
bool AccessLog::chooses(const ExchangeRecord& record) {
  if (options_.sample >= 100 || record.error || record.status >= first_server_error) {
    return true;
  }
  if (options_.slow != Duration::zero() && record.ended - record.started >= options_.slow) {
    return true;
  }
  // splitmix64: each request by itself, so that no pattern of requests falls in step with it.
  random_state_ += 0x9e3779b97f4a7c15;
  std::uint64_t mixed = random_state_;
  mixed = (mixed ^ mixed >> 30) * 0xbf58476d1ce4e5b9;
  mixed = (mixed ^ mixed >> 27) * 0x94d049bb133111eb;
  mixed ^= mixed >> 31;
  return mixed % 100 < options_.sample;
}

Duration AccessLog::wall_time(TimePoint moment) {
  if (moment >= next_look_) {
    next_look_ = moment + 1s;
    wall_offset_ = wall_now() - moment.time_since_epoch();
  }
  return moment.time_since_epoch() + wall_offset_;
}

}  // namespace holdfast
