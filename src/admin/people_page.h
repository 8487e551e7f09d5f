#pragma once

#include "admin/status_page.h"

namespace holdfast {

// `/`: the page for people. It reads /events.
class PeoplePage final : public StatusPage {
 public:
  void serve(const http1::RequestHead& request, LocalReply& reply) override;
};

}  // namespace holdfast
