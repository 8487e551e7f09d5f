#pragma once

#include <deque>

#include "simulation/scene.h"
#include "simulation/strict_http.h"

namespace holdfast {

// A backend's side of one connection. Reads all that the proxy's stream has accepted at once, with
// the strict parser, so that a wrong byte is found when it is written; but learns of it only as the
// bytes are delivered. Executes a request when its last byte is delivered, and answers it with a
// text that names request and answer.
class SimBackend final : public SimActor {
 public:
  explicit SimBackend(SimScene& scene) : SimActor(scene) {}

  bool act() override;
  void on_accepted(std::span<const std::string_view> parts) override;
  void on_refused(std::span<const std::string_view> parts) override;

  // The server goes: its connections end without a word.
  void fall();
  // All that the proxy has sent was answered, and the proxy has read exactly that.
  [[nodiscard]] bool at_rest();

 private:
  // What becomes of the present request.
  enum class Plan : std::uint8_t {
    answer,
    end_first,  // end of stream instead of an answer
    reset_first,
    silent,      // never a byte
    deaf,        // stops reading in the middle of the request
    cut_by_end,  // somewhere in the answer
    cut_by_reset,
    stall,     // in the middle of the answer, for too long
    extra,     // bytes behind the answer
    nonsense,  // what is no answer
    chatter,   // too many interim answers
    upgrade,
    huge_head,
    last_ = huge_head,
  };
  // How the connection goes on behind an answer.
  enum class After : std::uint8_t { keep, end, reset };

  // A request that the proxy waits for an answer to. Offsets are in what was accepted.
  struct Owed {
    SimRequest* request = nullptr;
    std::uint64_t head_end = 0;
    std::uint64_t end = SimWire::nowhere;  // not known before it is complete
    bool http11 = true;
    bool chunked = false;
    bool asked_to_keep = false;
    bool begun = false;     // its head was delivered and a plan was made
    bool composed = false;  // its answer is on the way out
  };

  [[nodiscard]] const SimServer& server() const { return scene_.settings.servers[wire_.server]; }

  // Reading what was accepted.
  void read(std::string_view bytes);
  void begin_request();
  [[nodiscard]] SimRequest* find_request(const StrictRequestLine& line);
  void judge_fields(const StrictHead& head, bool http11);
  void start_body(const StrictHead& head, Owed& owed);
  void take_body(std::string_view payload);
  void end_request();
  void forget_answered();

  // Acting.
  bool act_once(std::size_t which);
  bool take_bytes();
  bool answer();
  bool send_bytes();
  bool act_idle();
  void make_plan(Owed& owed);
  void excuse(SimRequest& request, Excuse why);
  void break_off(bool with_reset);
  void end_after_answer();

  // Composing an answer.
  void compose(Owed& owed);
  void compose_interim(std::size_t count);
  void compose_final(const Owed& owed, SimAnswer& made);
  [[nodiscard]] StrictFraming pick_framing(const Owed& owed, bool bodiless);
  void compose_body(std::string& out, StrictFraming framing, std::uint64_t key,
                    std::uint64_t bytes);
  void spoil(const Owed& owed, SimAnswer& made, std::size_t head_bytes);

  // The strict parser, at the end of what was accepted.
  StrictHeadReader head_;
  StrictBody body_;
  bool in_body_ = false;
  std::uint64_t accepted_ = 0;
  std::uint64_t body_read_ = 0;

  std::deque<Owed> owed_;
  Plan plan_ = Plan::answer;
  bool early_ = false;
  std::string answer_;  // composed; sent up to answer_sent_
  std::size_t answer_sent_ = 0;
  std::uint64_t answer_end_ = 0;  // in what is sent; valid once it is composed
  std::size_t stall_at_ = 0;      // in answer_; 0: nowhere
  StrictFraming framing_ = StrictFraming::none;
  After after_ = After::keep;
  std::uint64_t served_ = 0;
  std::uint64_t login_of_ = 0;  // the wire of the client that logs in over it; 0: nobody does
  std::uint64_t moves_seen_ = 0;
  TimePoint idle_since_{};
  bool idle_ = false;
  bool faulty_ = false;           // whatever is sent to it from now on may be lost
  Excuse fault_ = Excuse::stale;  // and for this reason
};

}  // namespace holdfast
