#pragma once

#include <string>
#include <string_view>

#include "proxy/local_responder.h"

namespace holdfast {

// Who may see a page: anyone who reaches the listener, or, as long as `status.dashboard` does not
// say otherwise, this machine only.
enum class Audience : std::uint8_t { anyone, this_machine };

// What answers one path of the status listener. Asked with GET and HEAD only.
class StatusPage {
 public:
  // Answers through the reply, now or later. One that is kept must be forgotten in on_gone.
  virtual void serve(const http1::RequestHead& request, LocalReply& reply) = 0;
  // A reply that this page may have kept is going away.
  virtual void on_gone(LocalReply&) {}
  // The process ends: streams have to.
  virtual void on_end() {}

 protected:
  ~StatusPage() = default;
};

// The fields that go with every answer, which no other site may frame, sniff or keep.
inline constexpr std::string_view no_content_policy =
    "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";
[[nodiscard]] std::string safe_fields(std::string_view content_policy = no_content_policy);

// A text, with a newline behind it.
[[nodiscard]] LocalAnswer plain_answer(int status, std::string_view text);

}  // namespace holdfast
