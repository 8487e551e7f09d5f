#include "proxy/replay.h"

#include <array>

namespace holdfast {
namespace {

using enum ReplayRule;

struct Row {
  FailurePoint point;
  std::array<ReplayRule, request_class_count> rules;  // by RequestClass
};

// "Never a second time" is not in the table: whoever asks it has not replayed the request yet.
// clang-format off
constexpr std::array<Row, failure_point_count> table{{
    //                              safe       idempotent     other
    {FailurePoint::connect,      {elsewhere, elsewhere,     elsewhere}},
    {FailurePoint::probe,        {once,      once,          once}},
    {FailurePoint::write,        {once,      once,          once}},
    {FailurePoint::reused_end,   {budgeted,  if_configured, never}},
    {FailurePoint::fresh_end,    {never,     never,         never}},
    {FailurePoint::answer_begun, {never,     never,         never}},
    {FailurePoint::other,        {never,     never,         never}},
}};
// clang-format on

constexpr bool is_in_order() {
  for (std::size_t i = 0; i < table.size(); ++i) {
    if (static_cast<std::size_t>(table[i].point) != i) {
      return false;
    }
  }
  return true;
}
static_assert(is_in_order(), "the replay table stands in the order of FailurePoint");

}  // namespace

ReplayRule replay_rule(FailurePoint point, RequestClass request) {
  return table[static_cast<std::size_t>(point)].rules[static_cast<std::size_t>(request)];
}

FailurePoint failure_point(ErrorCode code, const ReplayFacts& facts) {
  if (facts.answer_begun) {
    return FailurePoint::answer_begun;
  }
  switch (error_row(code).replay) {
    case Replay::always:
      return FailurePoint::connect;
    case Replay::if_idempotent:
      return !facts.anything_sent ? FailurePoint::write
             : facts.reused       ? FailurePoint::reused_end
                                  : FailurePoint::fresh_end;
    case Replay::never:
      return FailurePoint::other;
  }
  return FailurePoint::other;
}

RequestClass request_class(http1::Method method, BodyCopy body) {
  switch (method) {
    case http1::Method::get:
    case http1::Method::head:
    case http1::Method::options:
      return body == BodyCopy::none_needed ? RequestClass::safe : RequestClass::other;
    case http1::Method::put:
    case http1::Method::delete_:
      return body == BodyCopy::gone ? RequestClass::other : RequestClass::idempotent;
    case http1::Method::post:
    case http1::Method::patch:
    case http1::Method::connect:
    case http1::Method::trace:
    case http1::Method::other:
      return RequestClass::other;
  }
  return RequestClass::other;
}

bool ReplayBudget::spend(TimePoint now) {
  if (percent_ == 0) {
    return false;
  }
  if (earned_ >= price) {
    earned_ -= price;
    return true;
  }
  if (now >= granted_from_ + 1s) {
    granted_from_ = now;
    granted_ = 0;
  }
  if (granted_ == granted_per_second) {
    return false;
  }
  ++granted_;
  return true;
}

}  // namespace holdfast
