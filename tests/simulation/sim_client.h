#pragma once

#include <deque>

#include "base/error.h"
#include "simulation/scene.h"
#include "simulation/strict_http.h"

namespace holdfast {

// A client's side of one connection: sends some requests, sound or not, and reads their answers
// with the strict parser. Each must be its own, whole, and in order, or there must be an excuse.
class SimClient final : public SimActor {
 public:
  explicit SimClient(SimScene& scene);

  bool act() override;
  void on_accepted(std::span<const std::string_view>) override {}
  void on_refused(std::span<const std::string_view>) override {}

  // Whatever is under way may fail from now on.
  void excuse_all(Excuse why);
  // Since when it has been waiting for an answer without anything having moved; the end of time if
  // it does not wait.
  [[nodiscard]] TimePoint waits_since() const;

 private:
  enum class Leaving : std::uint8_t { at_the_end, by_close, by_reset, half };

  struct Awaited {
    SimRequest* request = nullptr;
    std::uint64_t begin = 0;  // in what is sent
  };

  // What the present answer has turned out to be.
  struct Present {
    SimAnswer* answer = nullptr;  // null: the proxy's own
    std::uint64_t key = 0;
    int status = 0;
    std::uint64_t body_read = 0;
    std::string own_text;
  };

  bool act_once(std::size_t which);

  // Asking.
  bool ask();
  void compose();
  void compose_hostile();
  void compose_sound();
  void compose_fields(std::string& out, const SimRequest& request);
  void compose_connection(std::string& out, const SimRequest& request);
  void compose_body(std::string& out, SimRequest& request);
  void judge_size(SimRequest& request, bool chunked);
  void note_request(SimRequest& request, std::size_t head_at);
  bool send_bytes();

  // Hearing.
  bool hear();
  void read(std::string_view bytes);
  void begin_answer();
  void hear_interim(int status, const StrictHead& head);
  bool begin_body(const StrictHead& head, bool http11);
  void recognise(const StrictHead& head);
  void end_answer();
  void judge_own_answer(const SimRequest& request);
  [[nodiscard]] bool may_fail(ErrorCode code, const SimRequest& request) const;
  [[nodiscard]] bool connects_may_fail() const;
  [[nodiscard]] bool attempts_may_have_expired(const SimRequest& request) const;
  void hear_end(bool reset);
  void judge_unanswered(bool answer_begun);

  // Trouble.
  bool trouble();
  bool leave();
  void finish();

  std::size_t requests_left_;
  std::size_t depth_;  // of requests in flight
  Leaving leaving_ = Leaving::at_the_end;
  std::size_t leaves_in_ = 0;  // so many chances
  bool half_closed_ = false;
  bool stopped_ = false;  // asks no more

  std::deque<Awaited> awaited_;
  std::string to_send_;
  std::size_t sent_ = 0;
  std::string held_back_;  // a body that waits to be invited
  TimePoint invited_by_{};

  StrictHeadReader head_;
  StrictBody body_;
  bool in_body_ = false;
  Present present_;
  bool closes_ = false;          // the last answer said so
  bool tolerates_rest_ = false;  // the proxy did not know that it answered to HEAD
  TimePoint moved_at_{};
};

}  // namespace holdfast
